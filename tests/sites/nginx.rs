//! nginx as a web server with files.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use crate::authority::Issued;
use crate::support::{folder_with, wait_until};

/// A web server that shows a folder under `/files/`; it ends with its value.
pub struct Nginx {
    child: Child,
    folder: PathBuf,
    pub address: SocketAddr,
}

impl Nginx {
    /// Starts it, over TLS if it is given a certificate.
    pub fn start(tls: Option<&Issued>) -> Self {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let (certificate, key) = tls.map_or(("", ""), |issued| (issued.certificate.as_str(), issued.key.as_str()));
        let folder = folder_with(&[("server.pem", certificate), ("server.key", key)]);
        let files = folder.join("files");
        fs::create_dir(&files).unwrap();
        let over_tls = "ssl; ssl_certificate server.pem; ssl_certificate_key server.key";
        let config = format!(
            "daemon off; pid nginx.pid; error_log stderr; user root; events {{}}\nhttp {{ access_log off; \
             client_body_temp_path a; proxy_temp_path b; fastcgi_temp_path c; uwsgi_temp_path d; scgi_temp_path e; \
             types {{ text/html html; image/svg+xml svg; }} server {{ listen {address} {}; location /files/ {{ alias {}/; }} }} }}\n",
            if tls.is_some() { over_tls } else { "" },
            files.display(),
        );
        fs::write(folder.join("nginx.conf"), config).unwrap();
        let mut command = Command::new("nginx");
        command.arg("-p").arg(&folder).args(["-c", "nginx.conf", "-e", "stderr"]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().expect("nginx, which tests/run installs");
        wait_until("nginx listens", || TcpStream::connect(address).ok());
        Self { child, folder, address }
    }

    /// The folder that it shows.
    pub fn files(&self) -> PathBuf {
        self.folder.join("files")
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}
