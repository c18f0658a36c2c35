//! Which file answers a request, and for how long others may keep it: what all backends with files have in common.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::pipeline::assets::{ASSET, Folder};
use crate::pipeline::backend::BackendContext;
use crate::value::lifetime::Lifetime;
use crate::value::path::{PathGlob, normalise};

/// How long browsers and caches may keep some of the files.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct CacheRule {
    /// The files, by their paths from the root of the site: a page that answers for its folder is `/docs/index.html`.
    #[schemars(length(min = 1), example = ["/assets/**"])]
    pub paths: Vec<PathGlob>,
    /// How long they may be kept without asking again. With `0s` browsers ask each time whether they changed.
    #[schemars(example = &"365d")]
    pub max_age: Lifetime,
    /// Whether a file never changes under its name, so that browsers don't even ask when a page is loaded anew.
    #[serde(default)]
    pub immutable: bool,
}

impl CacheRule {
    /// What `Cache-Control` says (RFC 9111, 5.2.2; RFC 8246).
    fn value(&self) -> String {
        let seconds = self.max_age.get().as_secs();
        match seconds {
            0 => "no-cache".to_owned(),
            _ if self.immutable => format!("public, max-age={seconds}, immutable"),
            _ => format!("public, max-age={seconds}"),
        }
    }
}

/// Makes the config of a backend with files: its own fields, and those that all of them have.
macro_rules! site_config {
    ($(#[$meta:meta])* pub struct $name:ident { $($fields:tt)* }) => {
        #[derive(Clone, Debug, serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
        #[serde(deny_unknown_fields, rename_all = "camelCase")]
        $(#[$meta])*
        pub struct $name {
            $($fields)*
            /// The file that answers for a folder.
            #[serde(default = "crate::backend::files::index_name")]
            #[schemars(length(min = 1), example = &"index.html")]
            pub index: String,
            /// Whether `/about` is answered with `about.html` where there is no file `about`.
            #[serde(default)]
            pub clean_urls: bool,
            /// The file that answers where there is none: the page of an application that reads the path itself. A path whose last
            /// segment has an ending, such as `/app.js`, is still a 404. The default is none.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            #[schemars(length(min = 1), example = &"index.html")]
            pub fallback: Option<String>,
            /// The file that is the body of a 404. The default is the gateway's own page.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            #[schemars(length(min = 1), example = &"404.html")]
            pub not_found: Option<String>,
            /// How long browsers and caches may keep files: the first entry whose `paths` match decides. The default says nothing.
            #[serde(default, skip_serializing_if = "Vec::is_empty")]
            #[schemars(example = serde_json::json!([{ "paths": ["/assets/**"], "maxAge": "365d", "immutable": true }]))]
            pub cache: Vec<crate::backend::files::CacheRule>,
        }

        impl $name {
            fn rules(&self) -> crate::backend::files::Rules {
                crate::backend::files::Rules {
                    index: self.index.clone(),
                    clean_urls: self.clean_urls,
                    fallback: self.fallback.clone(),
                    not_found: self.not_found.clone(),
                    listing: false,
                    cache: self.cache.clone(),
                }
            }
        }
    };
}

pub(in crate::backend) use site_config;

/// The usual file that answers for a folder.
pub fn index_name() -> String {
    "index.html".to_owned()
}

/// Which file answers.
#[derive(Clone, Debug)]
pub struct Rules {
    /// The file that answers for a folder.
    pub index: String,
    /// Whether the ending of a page can be left out.
    pub clean_urls: bool,
    /// The file that answers where there is none.
    pub fallback: Option<String>,
    /// The file that is the body of a 404.
    pub not_found: Option<String>,
    /// Whether folders without an index are listed.
    pub listing: bool,
    /// How long files may be kept.
    pub cache: Vec<CacheRule>,
}

impl Rules {
    /// Reports the files that are named and not there; `of` says where they are looked for, as in "the folder `site`".
    pub fn check(&self, files: &Folder, of: &str, context: &mut BackendContext<'_>) -> bool {
        let mut complete = true;
        for (pointer, page) in [("/notFound", &self.not_found), ("/fallback", &self.fallback)] {
            let Some(page) = page.as_ref().filter(|page| !files.contains_key(page.as_str())) else { continue };
            let message = format!("{of} has no file `{}`", page.escape_debug());
            context.report(
                &ASSET,
                pointer,
                message,
                "write its path from the root of the site, without a slash before it",
            );
            complete = false;
        }
        complete
    }

    /// What `Cache-Control` says of a file.
    pub fn cache_control(&self, file: &str) -> Option<String> {
        let mut path = String::new();
        normalise(format!("/{file}").as_bytes(), &mut path).ok()?;
        let rule = self.cache.iter().find(|rule| rule.paths.iter().any(|glob| glob.matches(&path)));
        rule.map(CacheRule::value)
    }

    /// The file that answers where there is none at this path.
    pub fn fallback_for(&self, path: &str) -> Option<&str> {
        let last = path.rsplit('/').next().unwrap_or_default();
        self.fallback.as_deref().filter(|_| !last.contains('.'))
    }
}

/// The name under which a page is asked for without its ending.
pub fn clean_name(file: &str) -> Option<&str> {
    file.strip_suffix(".html").filter(|name| !name.is_empty() && !name.ends_with('/'))
}

/// The page that a path without its ending means.
pub fn page_path(path: &str) -> Option<String> {
    (!path.is_empty() && !path.ends_with('/')).then(|| format!("{path}.html"))
}

#[cfg(test)]
mod tests {
    use super::{CacheRule, Rules, index_name};

    fn rules(cache: serde_json::Value) -> Rules {
        let cache: Vec<CacheRule> = serde_json::from_value(cache).unwrap();
        let fallback = Some(index_name());
        Rules { index: index_name(), clean_urls: false, fallback, not_found: None, listing: false, cache }
    }

    #[test]
    fn the_first_rule_that_matches_says_how_long_a_file_is_kept() {
        let rules = rules(serde_json::json!([
            { "paths": ["/assets/**"], "maxAge": "365d", "immutable": true },
            { "paths": ["/{page}.html", "/sp%20ace/**"], "maxAge": "0s" },
            { "paths": ["/**"], "maxAge": "1h" },
        ]));
        for (file, expected) in [
            ("assets/a/b.js", "public, max-age=31536000, immutable"),
            ("index.html", "no-cache"),
            ("sp ace/x", "no-cache"),
            ("docs/index.html", "public, max-age=3600"),
        ] {
            assert_eq!(rules.cache_control(file).as_deref(), Some(expected), "{file}");
        }
    }

    #[test]
    fn a_path_with_an_ending_does_not_fall_back() {
        let rules = rules(serde_json::json!([]));
        assert_eq!((rules.fallback_for("a.b/c"), rules.fallback_for("a/b.js")), (Some("index.html"), None));
        assert_eq!(rules.cache_control("x"), None);
    }
}
