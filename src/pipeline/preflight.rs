//! CORS preflights (Fetch standard, 4.8): requests by which a browser asks whether a page may send another one.

use crate::pipeline::head::RequestHead;
use crate::value::method::Method;

/// Where a preflight announces its method.
pub const REQUEST_METHOD: &str = "access-control-request-method";

impl RequestHead {
    /// The method that a CORS preflight announces (Fetch standard, 4.8); `None` for any other request. Browsers announce one.
    pub fn announced_method(&self) -> Option<Method> {
        if self.method != Method::Options {
            return None;
        }
        self.fields.received("origin")?;
        let announced = String::from_utf8_lossy(self.fields.received(REQUEST_METHOD)?);
        // what is no method is one that no rule names
        Some(Method::from_token(&announced).unwrap_or_else(|| Method::Other(announced.into())))
    }
}
