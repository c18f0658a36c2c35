//! As much of a browser as logging in takes: it keeps cookies for each host, follows redirects, and sends forms.

use std::collections::BTreeMap;

use crate::support::client::{Answer, ask};

/// A browser.
#[derive(Default, Clone)]
pub struct Browser {
    /// Cookies by host and port.
    pub cookies: BTreeMap<String, BTreeMap<String, String>>,
    /// What it says besides.
    pub fields: String,
}

/// A page, and where it was found in the end.
pub struct Page {
    pub url: String,
    pub answer: Answer,
}

/// The host and port of a URL, and its path.
pub fn parts(url: &str) -> (&str, &str) {
    let rest = url.strip_prefix("http://").unwrap_or_else(|| panic!("{url}"));
    rest.split_at(rest.find('/').unwrap_or(rest.len()))
}

impl Browser {
    /// Asks for a page, as for one that is to be shown.
    pub fn get(&mut self, url: &str) -> Answer {
        self.send("GET", url, "")
    }

    fn send(&mut self, method: &str, url: &str, form: &str) -> Answer {
        let (host, path) = parts(url);
        let path = if path.is_empty() { "/" } else { path };
        let cookies = self.cookies.entry(host.to_owned()).or_default();
        let sent: Vec<String> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let cookie = if sent.is_empty() { String::new() } else { format!("Cookie: {}\r\n", sent.join("; ")) };
        let body = match method {
            "POST" => format!("Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n", form.len()),
            _ => String::new(),
        };
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nAccept: text/html,*/*;q=0.1\r\n{cookie}{body}{}Connection: close\r\n\r\n{form}",
            self.fields
        );
        let answer = ask(host.parse().unwrap(), request);
        for line in answer.all("set-cookie") {
            let (pair, attributes) = line.split_once(';').unwrap_or((line, ""));
            let (name, value) = pair.split_once('=').unwrap();
            let attributes = attributes.to_ascii_lowercase();
            let is_over =
                value.is_empty() || attributes.contains("max-age=0") || attributes.contains("expires=thu, 01 jan 1970");
            match is_over {
                true => cookies.remove(name),
                false => cookies.insert(name.to_owned(), value.to_owned()),
            };
        }
        answer
    }

    /// Asks for a page, and goes where it is sent.
    pub fn open(&mut self, url: &str) -> Page {
        let answer = self.get(url);
        self.follow(url.to_owned(), answer)
    }

    fn follow(&mut self, mut url: String, mut answer: Answer) -> Page {
        for _ in 0..20 {
            let Some(location) = answer.get("location").filter(|_| (300..400).contains(&answer.status)) else {
                return Page { url, answer };
            };
            url = absolute(&url, location);
            answer = self.get(&url);
        }
        panic!("sent on and on: {url}");
    }

    /// Fills in the form of a page, sends it, and goes where it is sent.
    pub fn submit(&mut self, page: &Page, fields: &[(&str, &str)]) -> Page {
        let html = page.answer.text();
        let action = attribute(&html, "action=\"").unwrap_or_else(|| panic!("no form: {html}"));
        let mut form: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
        for input in html.split("<input").skip(1).filter(|input| input.contains("type=\"hidden\"")) {
            let (name, value) = (attribute(input, "name=\"").unwrap(), attribute(input, "value=\"").unwrap());
            form.push(format!("{name}={value}"));
        }
        let url = absolute(&page.url, &action);
        let answer = self.send("POST", &url, &form.join("&"));
        self.follow(url, answer)
    }
}

fn attribute(html: &str, start: &str) -> Option<String> {
    let rest = &html[html.find(start)? + start.len()..];
    Some(rest[..rest.find('"')?].replace("&amp;", "&"))
}

fn absolute(base: &str, location: &str) -> String {
    if location.starts_with("http://") {
        return location.to_owned();
    }
    format!("http://{}{location}", parts(base).0)
}

/// The value of a parameter of a URL.
pub fn parameter(url: &str, name: &str) -> Option<String> {
    let (_, query) = url.split_once('?')?;
    let pairs = url::form_urlencoded::parse(query.as_bytes());
    pairs.into_iter().find(|(own, _)| own == name).map(|(_, value)| value.into_owned())
}
