//! The table of backends: a new kind of end is one file in this folder and one line here.

pub mod files;
mod remote;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::diagnostic::Code;
use crate::pipeline::backend::{Backend, BackendContext, BackendType};

/// Makes the modules, the manifest's spec and the table of all backends from one line for each.
macro_rules! backends {
    ($( $(#[doc = $doc:literal])+ $name:literal $field:ident => $ty:ident ),+ $(,)?) => {
        $( pub mod $field; )+
        $( use $field::$ty; )+

        /// Where requests end: exactly one kind of end.
        #[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
        #[serde(deny_unknown_fields, rename_all = "camelCase")]
        #[schemars(extend("x-gw-noun" = "backend called", "x-gw-identity" = true))]
        pub struct BackendSpec {
            $(
                $(#[doc = $doc])+
                #[serde(rename = $name, default, skip_serializing_if = "Option::is_none")]
                pub $field: Option<<$ty as BackendType>::Config>,
            )+
        }

        /// The names of all backends, in the order in which the manual lists them.
        pub const BACKENDS: &[&str] = &[$( $name, )+];

        /// The codes of the problems that backends find in what is configured.
        pub const CODES: &[&[&Code]] = &[$( <$ty as BackendType>::CODES, )+];

        impl BackendSpec {
            /// The kinds of end it names; one that is not exactly one is an error that the compiler reports.
            pub fn ends(&self) -> Vec<&'static str> {
                let named = [$( self.$field.is_some(), )+];
                BACKENDS.iter().zip(named).filter(|(_, named)| *named).map(|(name, _)| *name).collect()
            }

            /// Makes the backend; `None` if it names none or after a problem was reported.
            pub fn compile(&self, context: &mut BackendContext<'_>) -> Option<Backend> {
                $( if let Some(config) = &self.$field {
                    return <$ty as BackendType>::compile(config, context);
                } )+
                None
            }
        }
    };
}

backends! {
    /// HTTP servers, called targets, that give the same answers.
    "http" http => Http,
    /// A folder of files beside the manifest.
    "folder" folder => FolderBackend,
    /// A ZIP archive of files, beside the manifest or fetched.
    "zip" zip => ZipBackend,
    /// A bucket of Amazon S3, or of a store that speaks as it does.
    "s3" s3 => S3,
    /// Files of another web server.
    "remoteAssets" remote_assets => RemoteAssets,
    /// Swagger UI for OpenAPI documents.
    "swaggerUi" swagger_ui => SwaggerUi,
    /// No server: it shows the request back as JSON, for trying things out.
    "echo" echo => Echo,
}
