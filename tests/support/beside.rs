//! The files that the manifests of tests may name.

use std::io::{Cursor, Write as _};
use std::sync::Arc;

use gw::pipeline::assets::{Asset, AssetRead, Assets, Folder};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// A site in the folder `site` and the same in `site.zip`, and files that are what they seem or not.
pub fn files(site: Folder) -> Assets {
    let file = |content: &[u8]| AssetRead::File(Asset::new(content.to_vec().into(), None));
    Assets::from([
        ("assets/handbook.zip".to_owned(), file(&archive())),
        (
            "assets/openapi.json".to_owned(),
            file(br#"{"openapi":"3.1.0","info":{"title":"Geo","version":"1"},"paths":{}}"#),
        ),
        ("damaged.zip".to_owned(), file(b"PK and then nothing")),
        ("data.json".to_owned(), file(b"[1, 2]")),
        ("openapi.json".to_owned(), file(br#"{"openapi":"3.1.0","info":{"title":"Geo","version":"1"},"paths":{}}"#)),
        ("openapi.yaml".to_owned(), file(b"openapi: 3.1.0\n")),
        ("site.zip".to_owned(), file(&archive())),
        ("site".to_owned(), AssetRead::Folder(Arc::new(site))),
    ])
}

fn archive() -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for name in ["index.html", "404.html", "dist/index.html"] {
        zip.start_file(name, SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored)).unwrap();
        zip.write_all(b"page").unwrap();
    }
    zip.finish().unwrap().into_inner()
}
