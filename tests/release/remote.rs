//! Stores that are not on this machine: a bucket (moto stands for S3) and a web server (nginx).

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use gw::deploy::release::{Purpose, ReleaseError, Releases, SigningKey, Trust};
use gw::deploy::store::Location;
use jiff::Timestamp;

use crate::authority::Authority;
use crate::support::{folder_with, wait_until};
use crate::world::{World, answers, hello, json, serial, status};

/// The bucket of the releases.
struct Bucket(crate::support::bucket::Bucket);

impl Bucket {
    fn start() -> Self {
        Self(crate::support::bucket::Bucket::start("releases"))
    }

    fn url(&self, prefix: &str) -> String {
        format!("s3://releases/{prefix}?endpoint=http://{}&region=us-east-1", self.0.address)
    }

    /// A world whose store is a part of it.
    fn world(&self, prefix: &str) -> World {
        let mut world = World::new();
        world.store = self.url(prefix);
        world.environment = vec![("AWS_ACCESS_KEY_ID", "test".into()), ("AWS_SECRET_ACCESS_KEY", SECRET.into())];
        world
    }

    fn releases(&self, prefix: &str) -> Releases {
        let variable = |name: &str| (name.ends_with("_ID") || name.ends_with("_KEY")).then(|| "test".to_owned());
        Releases::new(Location::parse(&self.url(prefix)).unwrap().open(variable).unwrap())
    }
}

const SECRET: &str = "wJalrXUtnFEMI-K7MDENG";

#[test]
fn a_bucket_is_a_store() {
    let bucket = Bucket::start();
    let world = bucket.world("prod/eu");
    assert_eq!(world.apply("one"), 1);
    let node = world.start(&[]);
    assert_eq!(hello(&node), "one");
    assert_eq!(world.apply("two"), 2);
    answers(&node, "two");
    assert_eq!(serial(&world.roll_back(&[])), 3);
    answers(&node, "one");
    let trusted = world.path("keys/gw.pub");
    let said = world.gw(&["history", "--store", &world.store, "--trust-key", &trusted, "-o", "json"]);
    assert_eq!(json(&said.out)["releases"].as_array().unwrap().len(), 3);
    world.write("four");
    let said = world.apply_with(&["--keep", "2"]);
    assert_eq!(serial(&said), 4);
    assert!(said.err.contains("removed 2 old releases"), "{}", said.err);
    answers(&node, "four");
    // what is said of it holds neither the credentials nor a signature
    let shown = json(&status(&node, "/status").text());
    assert_eq!(shown["release"]["store"], "s3://releases/prod/eu");
    drop(bucket);
    node.log.wait_for("no new release (store): s3://releases/prod/eu/current.json");
    let said = world.apply_with(&[]);
    assert_eq!(said.code, 1);
    let all = said.err + &node.log.all().join("\n") + &status(&node, "/status").text();
    assert!(!all.contains("X-Amz") && !all.contains(SECRET), "{all}");
    assert_eq!(hello(&node), "four");
}

#[test]
fn in_a_bucket_too_one_of_two_wins() {
    let bucket = Bucket::start();
    let world = bucket.world("race");
    world.apply("one");
    let folder = World::new();
    folder.write("two");
    serial(&folder.apply_with(&[]));
    let two: bytes::Bytes = fs::read(&folder.objects("bundles")[0]).unwrap().into();
    let key = SigningKey::read(&world.folder.join("keys/gw.key")).unwrap();
    let trust = Trust::Keys(vec![key.public()]);
    // both have seen the first release
    let (first, second) = (bucket.releases("race"), bucket.releases("race"));
    let (after_first, after_second) = (first.current(&trust).unwrap(), second.current(&trust).unwrap());
    let publish =
        |releases: &Releases, after| releases.publish(after, &two, Some(&key), Timestamp::now(), Purpose::All);
    assert_eq!(publish(&first, &after_first).unwrap().statement.serial, 2);
    assert!(matches!(publish(&second, &after_second), Err(ReleaseError::Moved)));
    // and both have seen nothing
    let (first, second) = (bucket.releases("new"), bucket.releases("new"));
    let (none, nothing) = (first.current(&trust).unwrap(), second.current(&trust).unwrap());
    assert_eq!(publish(&first, &none).unwrap().statement.serial, 1);
    assert!(matches!(publish(&second, &nothing), Err(ReleaseError::Moved)));
    assert_eq!(second.history(&trust, 10).unwrap().len(), 1);
}

#[test]
fn a_bucket_that_is_not_there_is_told() {
    let bucket = Bucket::start();
    let mut world = bucket.world("x");
    world.store = format!("s3://nowhere/x?endpoint=http://{}&region=us-east-1", bucket.0.address);
    world.write("one");
    let said = world.apply_with(&[]);
    assert_eq!(said.code, 1);
    assert!(said.err.contains("s3://nowhere/x/current.json") && said.err.contains("NoSuchBucket"), "{}", said.err);
}

/// An nginx that shows a folder over TLS, to whom knows a token; it ends with its value.
struct Nginx {
    child: Child,
    folder: PathBuf,
    address: SocketAddr,
}

impl Nginx {
    fn start(shown: &str, authority: &Authority) -> Self {
        let issued = authority.issue(&["localhost"]);
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let config = format!(
            "daemon off; pid nginx.pid; error_log stderr; user root; events {{}}\nhttp {{ access_log off; \
             client_body_temp_path a; proxy_temp_path b; fastcgi_temp_path c; uwsgi_temp_path d; scgi_temp_path e; \
             server {{ listen {address} ssl; ssl_certificate server.pem; ssl_certificate_key server.key; \
             location /shown/ {{ alias {shown}/; if ($http_authorization != \"Bearer letmein\") {{ return 401; }} }} }} }}\n"
        );
        let files = [("nginx.conf", &*config), ("server.pem", &*issued.certificate), ("server.key", &*issued.key)];
        let folder = folder_with(&files);
        let mut command = Command::new("nginx");
        command.arg("-p").arg(&folder).args(["-c", "nginx.conf", "-e", "stderr"]);
        let child =
            command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("nginx, which tests/run installs");
        let nginx = Self { child, folder, address };
        wait_until("nginx listens", || TcpStream::connect(nginx.address).ok());
        nginx
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // the master ends its workers when it is asked to, not when it is killed
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

#[test]
fn a_web_server_shows_a_store() {
    let authority = Authority::new("releases");
    let mut world = World::new();
    let nginx = Nginx::start(&world.store, &authority);
    fs::write(world.folder.join("authority.pem"), authority.pem()).unwrap();
    world.environment.push(("SSL_CERT_FILE", world.path("authority.pem")));
    world.environment.push(("GW_STORE_TOKEN", "letmein".into()));
    world.apply("one");
    let url = format!("https://localhost:{}/shown", nginx.address.port());
    let behind = |environment: Vec<(&'static str, String)>| World {
        folder: world.folder.clone(),
        store: url.clone(),
        environment,
    };
    let shown = std::mem::ManuallyDrop::new(behind(world.environment.clone()));
    let node = shown.start(&[]);
    assert_eq!(hello(&node), "one");
    // faster than the server's clock ticks
    for text in ["two", "six", "ten"] {
        world.apply(text);
        answers(&node, text);
    }
    assert!(node.log.all().iter().all(|line| !line.contains("letmein")));
    let trusted = world.path("keys/gw.pub");
    let said = shown.gw(&["history", "--store", &url, "--trust-key", &trusted, "-o", "json"]);
    assert_eq!(json(&said.out)["releases"].as_array().map(Vec::len), Some(4), "{}", said.err);
    shown.write("more");
    let said = shown.apply_with(&[]);
    assert_eq!(said.code, 1);
    assert!(said.err.contains("can be read only"), "{}", said.err);

    // who is not known is not let in, and whoever is not believed is not asked
    let strangers = [
        (vec![world.environment[0].clone()], "the server answers 401"),
        (vec![world.environment[1].clone()], "invalid peer certificate"),
    ];
    for (environment, why) in strangers {
        let said = std::mem::ManuallyDrop::new(behind(environment)).gw(&["history", "--store", &url]);
        assert_eq!(said.code, 1);
        assert!(said.err.contains(why), "{}", said.err);
    }
    drop(nginx);
    node.log.wait_for("no new release (store): https://localhost:");
    assert_eq!(hello(&node), "ten");
}
