//! What a client is told: errors, fixed answers, redirects, and what plugins do to them.
