//! Files of users as `htpasswd` writes them: a name, a colon and the hash of the password on each line.

use std::collections::HashMap;

use crate::value::Scalar as _;
use crate::value::password_hash::PasswordHash;

/// More users than this belong into a directory.
const MAX_USERS: usize = 100_000;

/// Reads a file; of two lines for the same user the first counts.
///
/// # Errors
/// Says what is wrong with it, never what stands there.
pub fn read(content: &[u8]) -> Result<HashMap<Box<str>, PasswordHash>, String> {
    let text = std::str::from_utf8(content).map_err(|_| "is not text".to_owned())?;
    let mut users = HashMap::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let number = index + 1;
        let (name, hash) = line.split_once(':').ok_or_else(|| format!("has no `name:hash` on line {number}"))?;
        if name.is_empty() {
            return Err(format!("has no name on line {number}"));
        }
        // whatever else follows a second colon is a comment
        let hash = hash.split(':').next().unwrap_or_default();
        let hash = PasswordHash::parse(hash).map_err(|error| format!("is wrong on line {number}: {error}"))?;
        users.entry(name.into()).or_insert(hash);
    }
    match users.len() {
        0 => Err("names no user".to_owned()),
        1..=MAX_USERS => Ok(users),
        _ => Err(format!("names more than {MAX_USERS} users")),
    }
}

#[cfg(test)]
mod tests {
    use super::read;

    const HASH: &str = "$2y$10$1fQDzcbOzjQcL2HnZOP8p.Fr7rX/Pb7SwI0GpnBlQ2zoB5dzh3rAi";

    #[test]
    fn users_are_read_line_by_line() {
        let users = read(format!("# staff\n\nada:{HASH}\r\nbob:{HASH}:a comment\n").as_bytes()).unwrap();
        assert_eq!((users.len(), users["ada"].as_str(), users["bob"].as_str()), (2, HASH, HASH));
        for (wrong, why) in [
            ("", "names no user"),
            ("ada", "line 1"),
            ("\nada:secret", "line 2"),
            (":x", "no name"),
            ("ada:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "too weak"),
        ] {
            let said = read(wrong.as_bytes()).unwrap_err();
            assert!(said.contains(why) && !said.contains("secret"), "{said}");
        }
        assert!(read(&[0xff]).is_err());
    }
}
