//! Names of certificates as text (RFC 4514): `CN=shop,O=Example`, the most specific part first, as nginx shows them.

use std::fmt::Write as _;

use x509_parser::x509::{AttributeTypeAndValue, X509Name};

/// The short names of the attributes that people use, by the text of their OID.
const SHORT: &[(&str, &str)] = &[
    ("2.5.4.3", "CN"),
    ("2.5.4.6", "C"),
    ("2.5.4.7", "L"),
    ("2.5.4.8", "ST"),
    ("2.5.4.9", "STREET"),
    ("2.5.4.10", "O"),
    ("2.5.4.11", "OU"),
    ("0.9.2342.19200300.100.1.1", "UID"),
    ("0.9.2342.19200300.100.1.25", "DC"),
    ("1.2.840.113549.1.9.1", "emailAddress"),
    ("2.5.4.5", "serialNumber"),
];

/// A name as RFC 4514 writes it.
pub fn rfc4514(name: &X509Name<'_>) -> String {
    let mut out = String::new();
    let parts: Vec<_> = name.iter_rdn().collect();
    for part in parts.into_iter().rev() {
        if !out.is_empty() {
            out.push(',');
        }
        for (i, attribute) in part.iter().enumerate() {
            if i > 0 {
                out.push('+');
            }
            write(attribute, &mut out);
        }
    }
    out
}

fn write(attribute: &AttributeTypeAndValue<'_>, out: &mut String) {
    let oid = attribute.attr_type().to_id_string();
    let short = SHORT.iter().find(|(known, _)| *known == oid);
    if let (Some((_, short)), Ok(value)) = (short, attribute.as_str()) {
        out.push_str(short);
        out.push('=');
        return escape(value, out);
    }
    // what has no short name, or is no text, is written as its bytes: nobody can pass it off as something else
    out.push_str(&oid);
    out.push_str("=#");
    for byte in attribute.as_slice() {
        // writing into a string cannot fail
        let _ = write!(out, "{byte:02x}");
    }
}

fn escape(value: &str, out: &mut String) {
    let last = value.chars().count().saturating_sub(1);
    for (i, c) in value.chars().enumerate() {
        let special = matches!(c, '"' | '+' | ',' | ';' | '<' | '>' | '\\');
        if special || (i == 0 && matches!(c, '#' | ' ')) || (i == last && c == ' ') {
            out.push('\\');
        }
        if c.is_control() {
            for byte in c.to_string().bytes() {
                let _ = write!(out, "\\{byte:02x}");
            }
        } else {
            out.push(c);
        }
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};
    use x509_parser::certificate::X509Certificate;
    use x509_parser::prelude::FromDer as _;

    use super::rfc4514;

    #[test]
    fn names_are_written_as_rfc_4514_says() {
        let mut name = DistinguishedName::new();
        name.push(DnType::CountryName, "FR");
        name.push(DnType::OrganizationName, "A, B + Sons");
        name.push(DnType::CommonName, " shop\n");
        let mut params = CertificateParams::default();
        params.distinguished_name = name;
        let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        let (_, parsed) = X509Certificate::from_der(certificate.der()).unwrap();
        assert_eq!(rfc4514(parsed.subject()), "CN=\\ shop\\0a,O=A\\, B \\+ Sons,C=FR");
    }
}
