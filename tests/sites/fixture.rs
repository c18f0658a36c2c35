//! One site wherever it is, and the gateways that serve it.

use std::fs;
use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::nginx::Nginx;
use crate::support::bucket::Bucket;
use crate::support::{Gateway, Options, folder_with, gateway, route};

/// What a large file holds.
pub fn blob() -> Vec<u8> {
    (0..10_000).flat_map(|n| format!("{n:09}\n").into_bytes()).collect()
}

/// The files of the site.
pub fn site() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("index.html", b"<html>hello</html>".to_vec()),
        ("404.html", b"<html>nothing here</html>".to_vec()),
        ("about.html", b"<html>about</html>".to_vec()),
        ("blob.bin", blob()),
        ("sub/index.html", b"sub".to_vec()),
        ("sp ace.txt", b"space".to_vec()),
        ("x.svg", b"<svg/>".to_vec()),
        ("empty.txt", Vec::new()),
        (".hidden", b"secret".to_vec()),
        (".git/config", b"secret".to_vec()),
        (".well-known/test", b"known".to_vec()),
    ]
}

/// The fields of all kinds of sites that are the same for each.
pub const RULES: &str = "cleanUrls: true, notFound: 404.html, cache: [{ paths: [/blob.bin], maxAge: 1h }]";

/// A site somewhere.
pub struct Place {
    pub name: &'static str,
    pub gateway: Gateway,
    /// What has to run beside it.
    _beside: Vec<Box<dyn std::any::Any>>,
}

impl Place {
    fn new(name: &'static str, folder: PathBuf, backend: &str, beside: Vec<Box<dyn std::any::Any>>) -> Self {
        fs::write(folder.join("gateway.yaml"), manifests(backend)).unwrap();
        let environment = vec![("KEY", "test".to_owned()), ("SECRET", "test".to_owned())];
        let gateway = Gateway::start_in(folder, &Options { environment, ..Options::default() });
        Self { name, gateway, _beside: beside }
    }

    /// In a folder.
    pub fn folder() -> Self {
        let folder = folder_with(&[]);
        write(&folder.join("site"));
        Self::new("folder", folder, &format!("folder: {{ path: site, {RULES} }}"), Vec::new())
    }

    /// In a ZIP archive.
    pub fn zip() -> Self {
        let folder = folder_with(&[]);
        fs::write(folder.join("site.zip"), zip(&site())).unwrap();
        Self::new("zip", folder, &format!("zip: {{ file: site.zip, {RULES} }}"), Vec::new())
    }

    /// In a bucket.
    pub fn bucket() -> Self {
        let bucket = Bucket::start("site");
        for (path, content) in site() {
            bucket.put(&format!("v1/{}", path.replace(' ', "%20")), &content, "");
        }
        let address = bucket.address;
        let backend = format!(
            "s3: {{ bucket: site, prefix: v1, endpoint: \"http://{address}\", \
             credentials: {{ accessKey: {{ env: KEY }}, secretKey: {{ env: SECRET }} }}, {RULES} }}"
        );
        Self::new("bucket", folder_with(&[]), &backend, vec![Box::new(bucket)])
    }

    /// On another web server, which is nginx.
    pub fn elsewhere() -> Self {
        let server = Nginx::start(None);
        write(&server.files());
        let backend = format!("remoteAssets: {{ url: \"http://{}/files/\", {RULES} }}", server.address);
        Self::new("elsewhere", folder_with(&[]), &backend, vec![Box::new(server)])
    }

    /// At all of them.
    pub fn all() -> Vec<Self> {
        vec![Self::folder(), Self::zip(), Self::bucket(), Self::elsewhere()]
    }
}

/// A gateway with one route and this backend.
pub fn manifests(backend: &str) -> String {
    let backend = format!("---\napiVersion: gw/v1\nkind: Backend\nmetadata: {{ name: site }}\nspec:\n  {backend}\n");
    gateway("") + &route("site", "backend: site") + &backend
}

/// Writes the site into a folder.
pub fn write(folder: &Path) {
    for (path, content) in site() {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
}

/// Packs files into an archive.
pub fn zip(files: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let written = zip::DateTime::from_date_and_time(2024, 1, 2, 3, 4, 6).unwrap();
    let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
    for (path, content) in files {
        archive.start_file(*path, options.last_modified_time(written)).unwrap();
        archive.write_all(content).unwrap();
    }
    archive.finish().unwrap().into_inner()
}
