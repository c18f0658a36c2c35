//! The table of plugins: a new one is one file in this folder and one line here.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::diagnostic::Code;
use crate::pipeline::plugin::{CompileContext, Plugin, PluginType};
use crate::pipeline::when::When;
use crate::value::name::Name;

/// A type of plugin, as the documentation lists it.
#[derive(Clone, Copy)]
pub struct PluginInfo {
    /// Its name in a manifest.
    pub name: &'static str,
    /// Whether it answers every request that reaches it.
    pub answers: bool,
    /// The codes of its own problems.
    pub codes: &'static [&'static Code],
}

impl fmt::Debug for PluginInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// Makes the modules, the manifest entry and the table of all plugins from one line for each.
macro_rules! plugins {
    ($( $(#[doc = $doc:literal])+ $name:literal $field:ident => $ty:ident ),+ $(,)?) => {
        $( pub mod $field; )+
        $( use $field::$ty; )+

        /// One step of a route: exactly one plugin, by its name, and when it runs.
        #[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
        #[serde(deny_unknown_fields, rename_all = "camelCase")]
        #[schemars(extend("x-gw-noun" = "plugin or field"))]
        pub struct PluginEntry {
            $(
                $(#[doc = $doc])+
                #[serde(rename = $name, default, skip_serializing_if = "Option::is_none")]
                pub $field: Option<<$ty as PluginType>::Config>,
            )+
            /// Its name within the route, by which patches and counters find it. The default is the plugin's name; a second
            /// one of a kind in a route needs its own.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub id: Option<Name>,
            /// For which requests it runs. The default is for all.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub when: Option<When>,
            /// Whether it runs at all.
            #[serde(default = "enabled", skip_serializing_if = "Clone::clone")]
            #[schemars(extend("default" = true))]
            pub enabled: bool,
        }

        /// All plugins, in the order in which the manual lists them.
        pub const PLUGINS: &[PluginInfo] = &[
            $( PluginInfo { name: $name, answers: <$ty as PluginType>::ANSWERS, codes: <$ty as PluginType>::CODES }, )+
        ];

        impl PluginEntry {
            /// The plugins it names; one that is not exactly one is an error that the compiler reports.
            pub fn plugins(&self) -> Vec<&'static PluginInfo> {
                let named = [$( self.$field.is_some(), )+];
                PLUGINS.iter().zip(named).filter(|(_, named)| *named).map(|(info, _)| info).collect()
            }

            /// Makes its plugin; `None` if it names none or after a problem was reported.
            pub fn compile(&self, context: &mut CompileContext<'_>) -> Option<Box<dyn Plugin>> {
                $( if let Some(config) = &self.$field {
                    return <$ty as PluginType>::compile(config, context);
                } )+
                None
            }
        }
    };
}

fn enabled() -> bool {
    true
}

plugins! {
    /// Sends whoever comes over plain HTTP to HTTPS, or refuses it.
    "httpsOnly" https_only => HttpsOnly,
    /// Says which pages of other origins may read the answers, and answers their preflights.
    "cors" cors => Cors,
    /// Sends the fields by which browsers protect their users.
    "securityHeaders" security_headers => SecurityHeaders,
    /// Removes the fields by which browsers protect their users, for trying things out.
    "removeSecurityHeaders" remove_security_headers => RemoveSecurityHeaders,
    /// Tells search engines what they may do, in `/robots.txt` and with each answer.
    "robots" robots => Robots,
    /// Says whom to tell of a hole, at `/.well-known/security.txt`.
    "securityTxt" security_txt => SecurityTxt,
    /// Replaces texts in the bodies of answers.
    "bodyRewrite" body_rewrite => BodyRewrite,
    /// Keeps answers, and gives them to whoever asks for the same.
    "cache" cache => Cache,
    /// Compresses answers for clients that take it.
    "compress" compress => Compress,
    /// Writes something into HTML pages.
    "htmlPatch" html_patch => HtmlPatch,
    /// Lets in who proves who it is; everything below it knows the caller.
    "auth" auth => AuthPlugin,
    /// Tells the backend who calls, by a signed token (JWT).
    "callerToken" caller_token => CallerToken,
    /// Answers with the public keys of what the gateway signs.
    "jwks" jwks => Jwks,
    /// Proves to the backend that a request came through the gateway, and to the gateway that the backend looked.
    "upstreamChallenge" upstream_challenge => UpstreamChallenge,
    /// Changes the path that is sent upstream.
    "rewrite" rewrite => Rewrite,
    /// Sends the client to another URL.
    "redirect" redirect => Redirect,
    /// Removes, sets and adds header fields of the request that is sent upstream.
    "requestHeaders" request_headers => RequestHeaders,
    /// Removes, sets and adds header fields of the answer.
    "responseHeaders" response_headers => ResponseHeaders,
    /// Lets requests through by the address of the client.
    "ipAccess" ip_access => IpAccess,
    /// Lets requests through by their method.
    "methods" methods => Methods,
    /// Lets only requests through that change nothing.
    "readOnly" read_only => ReadOnly,
    /// Refuses HTTP/1.0.
    "disableHttp10" disable_http10 => DisableHttp10,
    /// Bounds the bodies of requests.
    "requestSize" request_size => RequestSize,
    /// Lets requests through at some times only.
    "timeWindow" time_window => TimeWindow,
    /// Refuses requests whose body is not what a JSON Schema asks for.
    "requestValidation" request_validation => RequestValidation,
    /// Refuses requests for which conditions do not hold.
    "require" require => Require,
    /// Keeps, removes, sets and adds query parameters of the request that is sent upstream.
    "query" query => Query,
    /// Keeps, removes and sets cookies of the request that is sent upstream.
    "requestCookies" request_cookies => RequestCookies,
    /// Removes, changes and adds cookies of the answer.
    "responseCookies" response_cookies => ResponseCookies,
    /// Chooses the fields that tell the upstream who asks.
    "xForwarded" x_forwarded => XForwarded,
    /// Tells browsers and caches on the way how long they may keep answers.
    "clientCache" client_cache => ClientCache,
    /// Continues the trace of a request, or begins one.
    "tracing" tracing => Tracing,
    /// Keeps clients out for a while that made too many errors.
    "ban" ban => Ban,
    /// Limits how often and how much clients may ask.
    "rateLimit" rate_limit => RateLimit,
    /// Answers with a fixed status, fields and body.
    "respond" respond => Respond,
    /// Shows a page to all but a few, while something is being worked on.
    "maintenance" maintenance => Maintenance,
}
