//! What a rule demands of a request beside its host and path.

use crate::pipeline::caller::ConsumerCondition;
use crate::pipeline::certificate::{CertificateCondition, ClientCertificate};
use crate::pipeline::condition::FieldCondition;
use crate::pipeline::head::RequestHead;
use crate::value::method::Method;

/// The conditions of a rule: all of them hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Conditions {
    /// One of these methods; none means any.
    pub methods: Vec<Method>,
    /// Header fields; names in lower case.
    pub headers: Vec<FieldCondition>,
    /// Parameters of the query.
    pub query: Vec<FieldCondition>,
    /// Cookies.
    pub cookies: Vec<FieldCondition>,
    /// The client's certificate.
    pub certificate: Option<CertificateCondition>,
    /// The application that calls, which the rule's `auth` finds out.
    pub consumer: Option<ConsumerCondition>,
}

/// Which condition failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure<'a> {
    /// Only the method: everything else holds.
    Method,
    /// The one on this header.
    Header(&'a str),
    /// The one on this cookie.
    Cookie(&'a str),
    /// The one on this parameter of the query.
    Query(&'a str),
    /// Only the one on the client's certificate: everything else holds.
    Certificate,
    /// Only the one on the consumer: everything else holds.
    Consumer,
}

impl Conditions {
    /// The first that fails but for the consumer, which is decided last; the method comes last but one and the certificate last, so that
    /// each can be told if it fails alone.
    pub fn failure(
        &self,
        method: &Method,
        head: &RequestHead,
        certificate: Option<&ClientCertificate>,
    ) -> Option<Failure<'_>> {
        None.or_else(|| self.headers.iter().find(|c| !c.header(head)).map(|c| Failure::Header(&c.name)))
            .or_else(|| self.cookies.iter().find(|c| !c.cookie(head)).map(|c| Failure::Cookie(&c.name)))
            .or_else(|| self.query.iter().find(|c| !c.query(head)).map(|c| Failure::Query(&c.name)))
            .or_else(|| (!self.allows(method)).then_some(Failure::Method))
            .or_else(|| {
                (!self.certificate.as_ref().is_none_or(|c| c.holds(certificate))).then_some(Failure::Certificate)
            })
    }

    /// Whether nothing is demanded.
    pub fn is_empty(&self) -> bool {
        let Self { methods, headers, query, cookies, certificate, consumer } = self;
        let fields = headers.is_empty() && query.is_empty() && cookies.is_empty();
        methods.is_empty() && fields && certificate.is_none() && consumer.is_none()
    }

    fn allows(&self, method: &Method) -> bool {
        self.methods.is_empty() || self.methods.contains(method)
    }
}

#[cfg(test)]
mod tests {
    use super::{Conditions, Failure};
    use crate::pipeline::condition::{FieldCondition, Test};
    use crate::pipeline::head::RequestHead;
    use crate::value::method::Method;
    use crate::value::{Scalar, regex::Pattern};

    fn field(name: &str, test: Test) -> Vec<FieldCondition> {
        vec![FieldCondition { name: name.into(), test }]
    }

    #[test]
    fn any_received_value_satisfies() {
        let mut head = RequestHead { query: Some("v=1&v=b%20c".into()), ..RequestHead::default() };
        for (name, value) in [("X-Tenant", "acme"), ("x-tenant", "other"), ("cookie", "beta=1"), ("x-raw", "\u{e9}")] {
            head.fields.receive(name.as_bytes(), value.as_bytes());
        }
        head.fields.receive(b"x-bin", b"\xff");
        head.fields.set("x-tenant", b"edited");
        let regex = |text| Test::Regex(Pattern::parse(text).unwrap());
        let equals = |text: &str| Test::Equals(text.into());
        for (name, test, holds) in [
            ("x-tenant", equals("other"), true),
            ("x-tenant", equals("edited"), false),
            ("x-tenant", regex("ot.*"), true),
            ("x-tenant", regex("o"), false),
            ("x-tenant", Test::Absent, false),
            ("x-none", Test::Absent, true),
            ("x-none", Test::Present, false),
            ("x-bin", Test::Present, true),
            ("x-bin", regex(".*"), false),
        ] {
            let conditions = Conditions { headers: field(name, test.clone()), ..Conditions::default() };
            let failure = (!holds).then_some(Failure::Header(name));
            assert_eq!(conditions.failure(&Method::Get, &head, None), failure, "{name} {test:?}");
        }
        let query = Conditions { query: field("v", equals("b c")), ..Conditions::default() };
        assert_eq!(query.failure(&Method::Get, &head, None), None);
        let cookie = Conditions { cookies: field("beta", equals("2")), ..Conditions::default() };
        assert_eq!(cookie.failure(&Method::Get, &head, None), Some(Failure::Cookie("beta")));
    }

    #[test]
    fn the_method_fails_last() {
        let head = RequestHead::default();
        let mut conditions = Conditions { methods: vec![Method::Get], ..Conditions::default() };
        assert_eq!(conditions.failure(&Method::Head, &head, None), Some(Failure::Method));
        conditions.headers = field("x", Test::Present);
        assert_eq!(conditions.failure(&Method::Head, &head, None), Some(Failure::Header("x")));
    }
}
