//! The files of Swagger UI (`swagger-ui-dist`, Apache-2.0) as they are in the program: compressed, the way nearly every browser takes them.

use std::io::Read as _;
use std::sync::LazyLock;

use bytes::Bytes;
use flate2::read::GzDecoder;

use crate::pipeline::assets::{Asset, Folder};

/// The version of Swagger UI. `npm pack swagger-ui-dist` gives the files of another one, and `gzip -9n` compresses them.
pub const VERSION: &str = "5.35.0";

/// Files that are compressed, by their path in the site; those that may be kept stand below the version.
const COMPRESSED: &[(&str, &[u8])] = &[
    ("5.35.0/swagger-ui-bundle.js", include_bytes!("dist/swagger-ui-bundle.js.gz")),
    ("5.35.0/swagger-ui-standalone-preset.js", include_bytes!("dist/swagger-ui-standalone-preset.js.gz")),
    ("5.35.0/swagger-ui.css", include_bytes!("dist/swagger-ui.css.gz")),
    ("oauth2-redirect.js", include_bytes!("dist/oauth2-redirect.js.gz")),
];

/// Files that are not.
const PLAIN: &[(&str, &[u8])] = &[
    ("5.35.0/page.css", include_bytes!("page.css")),
    ("5.35.0/favicon-32x32.png", include_bytes!("dist/favicon-32x32.png")),
    ("5.35.0/LICENSE", include_bytes!("dist/LICENSE")),
    ("5.35.0/NOTICE", include_bytes!("dist/NOTICE")),
    ("5.35.0/swagger-ui-bundle.js.LICENSE.txt", include_bytes!("dist/swagger-ui-bundle.js.LICENSE.txt")),
    (
        "5.35.0/swagger-ui-standalone-preset.js.LICENSE.txt",
        include_bytes!("dist/swagger-ui-standalone-preset.js.LICENSE.txt"),
    ),
    ("oauth2-redirect.html", include_bytes!("dist/oauth2-redirect.html")),
];

/// All files, made once.
static FILES: LazyLock<Folder> = LazyLock::new(|| {
    let mut files = Folder::new();
    for (path, bytes) in PLAIN {
        files.insert((*path).into(), Asset::new(Bytes::from_static(bytes), None));
    }
    for (path, bytes) in COMPRESSED {
        let mut plain = Vec::new();
        // what is in the program is whole, or no test passes
        let _ = GzDecoder::new(*bytes).read_to_end(&mut plain);
        files.insert((*path).into(), Asset::new(plain.into(), None));
        files.insert(format!("{path}.gz").into(), Asset::new(Bytes::from_static(bytes), None));
    }
    files
});

/// The files.
pub fn files() -> Folder {
    FILES.clone()
}

#[cfg(test)]
mod tests {
    use super::{COMPRESSED, PLAIN, VERSION, files};

    #[test]
    fn all_files_are_whole() {
        let files = files();
        assert!(files[&*format!("{VERSION}/swagger-ui-bundle.js")].bytes.ends_with(b"})()));"));
        assert!(files.values().all(|file| !file.bytes.is_empty()));
        let versioned = COMPRESSED.iter().chain(PLAIN).filter(|(path, _)| path.contains('/'));
        assert!(versioned.map(|(path, _)| path).all(|path| path.starts_with(VERSION)));
    }
}
