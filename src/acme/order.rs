//! One order, from the account to the certificate (RFC 8555, 7.4).

use std::time::{Duration, SystemTime};

use instant_acme::{
    Account, AuthorizationStatus, CertificateIdentifier, ChallengeType, Error, Identifier, NewOrder, OrderStatus,
    RetryPolicy,
};
use rcgen::{
    CertificateParams, DistinguishedName, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_RSA_SHA256,
    RsaKeySize,
};
use tokio::time::sleep;

use crate::acme::account::Customer;
use crate::acme::client::Client;
use crate::acme::kept::Kept;
use crate::acme::trouble::{Trouble, is, printable};
use crate::proxy::challenges::Proof;
use crate::table::acme::{AcmeChallenge, AcmeKey};

/// How long an order takes at most; its proofs are answered so long, too.
pub const PATIENCE: Duration = Duration::from_mins(5);

/// How often the authority is asked whether it has decided.
const POLLING: RetryPolicy =
    RetryPolicy::new().initial_delay(Duration::from_millis(500)).backoff(1.5).timeout(Duration::from_mins(2));

/// How many times all gateways look for proofs before the authority is told to ask: by then each of them answers.
const LOOKS: u32 = 4;

/// What is ordered, and with what.
pub struct Order<'a> {
    /// The certificate, by its name in the manifests.
    pub name: &'a str,
    /// The hosts that it is for.
    pub hosts: &'a [String],
    /// How the authority sees that they are this gateway's.
    pub challenge: AcmeChallenge,
    /// The kind of its key.
    pub key: AcmeKey,
    /// The certificate that it takes the place of, where the authority wants to know.
    pub replaces: Option<CertificateIdentifier<'a>>,
    /// Who orders.
    pub customer: &'a Customer,
    /// What is kept for the authority.
    pub kept: &'a Kept,
    /// Asks the authority.
    pub client: &'a Client,
}

impl Order<'_> {
    /// Orders a certificate: its key and its chain in PEM.
    ///
    /// # Errors
    /// If it gets none.
    pub async fn place(&self) -> Result<String, Trouble> {
        // of an order that ended in the midst
        self.kept.forget_proofs(self.name)?;
        let ordered = self.run().await;
        self.kept.forget_proofs(self.name)?;
        ordered
    }

    async fn run(&self) -> Result<String, Trouble> {
        let account = self.customer.account(self.kept, self.client).await?;
        let mut order = match self.begin(&account).await {
            Err(error) if is(&error, "accountDoesNotExist") => {
                self.customer.forget(self.kept)?;
                self.begin(&self.customer.account(self.kept, self.client).await?).await?
            }
            begun => begun?,
        };
        self.prove(&mut order).await?;
        match order.poll_ready(&POLLING).await {
            Ok(OrderStatus::Ready) => {}
            ended => return Err(self.denial(&mut order, ended).await),
        }
        let unusable = |error: rcgen::Error| Trouble::Unusable(format!("a key cannot be made: {error}"));
        let key = pair(self.key).map_err(unusable)?;
        let mut params = CertificateParams::new(self.hosts).map_err(unusable)?;
        params.distinguished_name = DistinguishedName::new();
        order.finalize_csr(params.serialize_request(&key).map_err(unusable)?.der()).await?;
        let chain = order.poll_certificate(&POLLING).await?;
        Ok(key.serialize_pem() + &chain)
    }

    /// Says what is ordered. An authority that doesn't take note of what is replaced still takes the order.
    async fn begin(&self, account: &Account) -> Result<instant_acme::Order, Error> {
        let hosts: Vec<Identifier> = self.hosts.iter().cloned().map(Identifier::Dns).collect();
        let plain = NewOrder::new(&hosts);
        if let Some(replaced) = &self.replaces {
            match account.new_order(&NewOrder::new(&hosts).replaces(replaced.clone())).await {
                Err(error) if !is(&error, "rateLimited") && !is(&error, "accountDoesNotExist") => {
                    let error = printable(&error.to_string());
                    tracing::debug!(certificate = self.name, error, "ordered without a word on what it replaces");
                }
                told => return told,
            }
        }
        account.new_order(&plain).await
    }

    /// Has all gateways answer what the authority may ask, then lets it ask.
    async fn prove(&self, order: &mut instant_acme::Order) -> Result<(), Trouble> {
        let until = SystemTime::now() + PATIENCE;
        let mut asked = false;
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization?;
            if authorization.status == AuthorizationStatus::Valid {
                continue;
            }
            let host = authorization.identifier().to_string();
            let Some(challenge) = authorization.challenge(self.kind()) else {
                return Err(Trouble::Refused(format!("it cannot see by {:?} whose `{host}` is", self.kind())));
            };
            let (token, authorization) = (challenge.token.clone(), challenge.key_authorization().as_str().to_owned());
            self.kept.add_proof(self.name, &Proof { challenge: self.challenge, host, token, authorization }, until)?;
            asked = true;
        }
        if asked {
            sleep(self.kept.look_every() * LOOKS).await;
        }
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization?;
            if authorization.status != AuthorizationStatus::Valid
                && let Some(mut challenge) = authorization.challenge(self.kind())
            {
                challenge.set_ready().await?;
            }
        }
        Ok(())
    }

    fn kind(&self) -> ChallengeType {
        match self.challenge {
            AcmeChallenge::Http01 => ChallengeType::Http01,
            AcmeChallenge::TlsAlpn01 => ChallengeType::TlsAlpn01,
        }
    }

    /// Why an order came to nothing: what the authority says of the hosts says more than what it says of the order.
    async fn denial(&self, order: &mut instant_acme::Order, ended: Result<OrderStatus, Error>) -> Trouble {
        if let Err(error @ (Error::Timeout(_) | Error::Other(_))) = ended {
            return error.into();
        }
        let mut authorizations = order.authorizations();
        while let Some(Ok(mut authorization)) = authorizations.next().await {
            if authorization.refresh().await.is_err() {
                break;
            }
            let problem = authorization.challenges.iter().find_map(|challenge| challenge.error.as_ref());
            if let Some(problem) = problem {
                let why = format!("it could not see whose `{}` is: {problem}", authorization.identifier());
                return Trouble::Refused(printable(&why));
            }
        }
        match ended {
            Ok(status) => Trouble::Refused(format!("the order is {status:?}")),
            Err(error) => error.into(),
        }
    }
}

fn pair(kind: AcmeKey) -> Result<KeyPair, rcgen::Error> {
    match kind {
        AcmeKey::EcdsaP256 => KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256),
        AcmeKey::EcdsaP384 => KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384),
        AcmeKey::Rsa2048 => KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048),
        AcmeKey::Rsa4096 => KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_4096),
    }
}
