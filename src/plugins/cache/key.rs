//! What makes two requests ask for the same.

use crate::pipeline::exchange::Exchange;
use crate::plugins::cache::config::{Callers, KeyConfig};
use crate::value::percent;
use crate::value::url::Scheme;

/// What stands between the parts of a key, and in none of them.
const BETWEEN: char = '\n';

/// The key of a request.
pub(super) fn key(exchange: &Exchange<'_>, config: &KeyConfig) -> String {
    let request = &exchange.request;
    key_of(exchange, &request.path, request.query.as_deref(), config)
}

/// The key that a request for another path of the same host would have.
pub(super) fn key_of(exchange: &Exchange<'_>, path: &str, query: Option<&str>, config: &KeyConfig) -> String {
    let request = &exchange.request;
    let mut key = String::with_capacity(path.len() + request.host.len() + 32);
    key.push(if exchange.client.scheme == Scheme::Https { 's' } else { 'p' });
    key.push(BETWEEN);
    if !config.ignore_host {
        key.push_str(&request.host);
    }
    key.push(BETWEEN);
    key.push_str(path);
    if let Some(query) = query.filter(|_| !config.no_query) {
        push_query(query, config, &mut key);
    }
    if config.callers == Callers::Apart {
        push_caller(exchange, &mut key);
    }
    for name in &config.headers {
        key.push(BETWEEN);
        for value in request.fields.all(name.as_str()) {
            key.push_str(&String::from_utf8_lossy(value));
            key.push(',');
        }
    }
    key
}

/// Who calls, as far as anything says.
fn push_caller(exchange: &Exchange<'_>, key: &mut String) {
    key.push(BETWEEN);
    if let Some(consumer) = &exchange.caller.consumer {
        key.push_str(&consumer.id);
    }
    key.push(BETWEEN);
    if let Some(identity) = &exchange.caller.identity {
        key.push_str(&identity.auth);
        key.push(' ');
        key.push_str(&identity.subject);
    }
    key.push(BETWEEN);
    for value in exchange.request.fields.all("authorization") {
        key.push_str(&String::from_utf8_lossy(value));
    }
}

fn push_query(query: &str, config: &KeyConfig, key: &mut String) {
    if config.query.is_none() && config.ignore_query.is_empty() {
        key.push('?');
        return key.push_str(query);
    }
    let mut counted: Vec<&str> = query.split('&').filter(|pair| !pair.is_empty() && counts(pair, config)).collect();
    if config.query.is_some() {
        // values of one name keep their order
        counted.sort_by_key(|pair| pair.split('=').next());
    }
    for (n, pair) in counted.into_iter().enumerate() {
        key.push(if n == 0 { '?' } else { '&' });
        key.push_str(pair);
    }
}

fn counts(pair: &str, config: &KeyConfig) -> bool {
    let name = pair.split('=').next().unwrap_or_default();
    let name = percent::decode(name.as_bytes());
    let is = |listed: &String| listed.as_bytes() == &*name;
    config.query.as_ref().is_none_or(|names| names.iter().any(is)) && !config.ignore_query.iter().any(is)
}

#[cfg(test)]
mod tests {
    use super::push_query;
    use crate::plugins::cache::config::KeyConfig;

    fn query(config: serde_json::Value) -> String {
        let config: KeyConfig = serde_json::from_value(config).unwrap();
        let mut key = String::new();
        push_query("b=2&utm%5Fsource=x&a=1&b=1&", &config, &mut key);
        key
    }

    #[test]
    fn what_counts_of_a_query_makes_the_key() {
        assert_eq!(query(serde_json::json!({})), "?b=2&utm%5Fsource=x&a=1&b=1&");
        assert_eq!(query(serde_json::json!({ "query": ["a", "b"] })), "?a=1&b=2&b=1");
        assert_eq!(query(serde_json::json!({ "ignoreQuery": ["utm_source"] })), "?b=2&a=1&b=1");
        assert_eq!(query(serde_json::json!({ "query": ["none"] })), "");
    }
}
