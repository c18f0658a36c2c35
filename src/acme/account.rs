//! The account with an authority: made at the first order, and kept with its key.

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use instant_acme::{Account, ExternalAccountKey, NewAccount};

use crate::acme::client::Client;
use crate::acme::kept::Kept;
use crate::acme::trouble::Trouble;
use crate::pipeline::secrets::Secrets;
use crate::table::acme::Acme;

/// Authorities hand keys out with and without `=` at the end.
const BASE64URL: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Who orders, as the manifest says it.
pub struct Customer {
    acme: Acme,
    /// The key of the account outside of ACME.
    external_key: Option<Vec<u8>>,
}

impl Customer {
    /// Who orders by these settings.
    ///
    /// # Errors
    /// If the key of the external account is unusable.
    pub fn of(acme: &Acme, secrets: &Secrets) -> Result<Self, Trouble> {
        let external_key = match &acme.external_account {
            None => None,
            Some(external) => {
                let text = secrets.line(&external.key).unwrap_or_default();
                let unusable = |_| Trouble::Unusable(format!("the key `{}` is no base64url", external.key));
                Some(BASE64URL.decode(text.trim_ascii()).map_err(unusable)?)
            }
        };
        Ok(Self { acme: acme.clone(), external_key })
    }

    /// What makes it another account than others with the same authority.
    fn identity(&self) -> String {
        let external = self.acme.external_account.as_ref().map(|external| &external.key_id);
        format!("{:?} {external:?}", self.acme.email)
    }

    /// The account that is kept, or else a new one.
    ///
    /// # Errors
    /// If the authority refuses, or another gateway is making the account.
    pub async fn account(&self, kept: &Kept, client: &Client) -> Result<Account, Trouble> {
        let of = self.identity();
        if let Some(account) = kept.account(&of)? {
            return open(&account, client).await;
        }
        let _hold = kept.hold_account(&of)?.ok_or(Trouble::Busy)?;
        if let Some(account) = kept.account(&of)? {
            return open(&account, client).await;
        }
        let mail = self.acme.email.as_ref().map(|email| format!("mailto:{email}"));
        let contact: Vec<&str> = mail.as_deref().into_iter().collect();
        let new = NewAccount {
            contact: &contact,
            terms_of_service_agreed: self.acme.terms_of_service_agreed,
            only_return_existing: false,
        };
        let external = self.acme.external_account.as_ref().zip(self.external_key.as_ref());
        let external = external.map(|(account, key)| ExternalAccountKey::new(account.key_id.clone(), key));
        let builder = Account::builder_with_http(Box::new(client.clone()));
        let (account, credentials) = builder.create(&new, self.acme.directory.to_string(), external.as_ref()).await?;
        kept.set_account(&of, Some(&serde_json::to_vec(&credentials).map_err(std::io::Error::from)?))?;
        tracing::info!(directory = %self.acme.directory, account = %account.id(), "an account was made with an authority");
        Ok(account)
    }

    /// Forgets an account that the authority doesn't know any more.
    pub fn forget(&self, kept: &Kept) -> Result<(), Trouble> {
        Ok(kept.set_account(&self.identity(), None)?)
    }
}

async fn open(kept: &[u8], client: &Client) -> Result<Account, Trouble> {
    let unusable = |_| Trouble::Unusable("the account that is kept cannot be read".to_owned());
    let credentials = serde_json::from_slice(kept).map_err(unusable)?;
    Ok(Account::builder_with_http(Box::new(client.clone())).from_credentials(credentials).await?)
}
