//! The connection to a Redis or a cluster of them: made on a thread beside the workers, and made anew when it is lost.

use std::time::Duration;

use redis::aio::{ConnectionLike, ConnectionManager, ConnectionManagerConfig};
use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;
use redis::{Client, Cmd, Pipeline, RedisFuture, RedisResult, TlsCertificates, Value};

/// How a Redis is reached.
pub struct Endpoint {
    /// Its URL, with user and password.
    pub url: String,
    /// Whether it is a cluster.
    pub cluster: bool,
    /// The authorities that are trusted, as PEM; else those of the machine.
    pub ca: Option<Vec<u8>>,
    /// How long an answer is waited for.
    pub timeout: Duration,
}

/// A connection, which several calls use at once.
#[derive(Clone)]
pub enum Connection {
    /// To a single server.
    Single(ConnectionManager),
    /// To the servers of a cluster.
    Cluster(ClusterConnection),
}

impl Endpoint {
    /// Checks what can be checked without asking: the URL, and the certificates.
    pub fn check(&self) -> RedisResult<()> {
        if self.cluster { self.cluster_client().map(drop) } else { self.client().map(drop) }
    }

    /// Connects.
    pub async fn connect(&self) -> RedisResult<Connection> {
        if self.cluster {
            return Ok(Connection::Cluster(self.cluster_client()?.get_async_connection().await?));
        }
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(self.timeout))
            .set_response_timeout(Some(self.timeout))
            // who asks gives up sooner, and asks again
            .set_number_of_retries(0);
        Ok(Connection::Single(ConnectionManager::new_with_config(self.client()?, config).await?))
    }

    fn client(&self) -> RedisResult<Client> {
        match &self.ca {
            None => Client::open(&*self.url),
            Some(ca) => {
                let certificates = TlsCertificates { client_tls: None, root_cert: Some(ca.clone()) };
                Client::build_with_tls(&*self.url, certificates)
            }
        }
    }

    fn cluster_client(&self) -> RedisResult<ClusterClient> {
        let builder =
            ClusterClient::builder([&*self.url]).connection_timeout(self.timeout).response_timeout(self.timeout);
        let builder = match &self.ca {
            None => builder,
            Some(ca) => builder.certs(TlsCertificates { client_tls: None, root_cert: Some(ca.clone()) }),
        };
        builder.retries(1).build()
    }
}

impl ConnectionLike for Connection {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        match self {
            Self::Single(connection) => connection.req_packed_command(cmd),
            Self::Cluster(connection) => connection.req_packed_command(cmd),
        }
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        match self {
            Self::Single(connection) => connection.req_packed_commands(pipeline, offset, count),
            Self::Cluster(connection) => connection.req_packed_commands(pipeline, offset, count),
        }
    }

    fn get_db(&self) -> i64 {
        match self {
            Self::Single(connection) => connection.get_db(),
            Self::Cluster(connection) => connection.get_db(),
        }
    }
}
