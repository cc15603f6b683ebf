//! How people sign in on the pages: at the issuer, by an authorization code with PKCE (RFC 6749, RFC 7636), as a client without a
//! secret.
//!
//! The promise: the pages may connect to one other origin, that of the issuer's token endpoint, and only while it is known.

use std::sync::OnceLock;

use url::{Host, Url};

/// The scopes that the pages ask for: they read, and nothing else.
pub const READING_SCOPES: &str = "products/read products/audit";

/// The client of the issuer that the pages are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicClient {
    /// Its id.
    id: String,
    /// What it asks for, separated by spaces.
    scopes: String,
}

/// Where the issuer lets somebody sign in, gives tokens, and lets somebody sign out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuerEndpoints {
    authorize: Url,
    token: Url,
    end_session: Option<Url>,
}

/// The client, and the issuer's endpoints once they are known.
#[derive(Debug)]
pub struct PeopleSignIn {
    client: PublicClient,
    endpoints: OnceLock<IssuerEndpoints>,
}

/// A setting of the sign-in of people that cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{name}={value:?}: {reason}")]
pub struct WrongSignIn {
    name: &'static str,
    value: String,
    reason: &'static str,
}

/// The id of the client.
pub const CLIENT: &str = "LEDGER_AUTH_CLIENT";

/// The scopes that it asks for.
pub const CLIENT_SCOPES: &str = "LEDGER_AUTH_SCOPES";

/// Where the names of people are.
pub const PEOPLE_URL: &str = "LEDGER_PEOPLE_URL";

/// The endpoints of the issuer, where nobody looks for them.
pub const ENDPOINTS: [&str; 3] =
    ["LEDGER_AUTH_AUTHORIZE_URL", "LEDGER_AUTH_TOKEN_URL", "LEDGER_AUTH_END_SESSION_URL"];

impl PublicClient {
    /// A client with an id and scopes.
    ///
    /// # Errors
    /// [`WrongSignIn`]: correct the setting it names.
    pub fn new(id: &str, scopes: &str) -> Result<Self, WrongSignIn> {
        let is_visible = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_visible(id) || id.len() > 255 {
            return Err(wrong(CLIENT, id, "must have 1 to 255 visible ASCII characters"));
        }
        // RFC 6749, section 3.3.
        let is_scope = |one: &str| is_visible(one) && !one.contains(['"', '\\']);
        if scopes.len() > 1_000 || !scopes.split(' ').all(is_scope) {
            return Err(wrong(CLIENT_SCOPES, scopes, "must be scopes, each separated by one space"));
        }
        Ok(Self { id: id.to_owned(), scopes: scopes.to_owned() })
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn scopes(&self) -> &str {
        &self.scopes
    }
}

impl IssuerEndpoints {
    /// The endpoints of these URLs.
    ///
    /// # Errors
    /// [`WrongSignIn`] names the one that is no URL of https, nor one of this machine, or whose host a policy cannot name.
    pub fn new(authorize: &str, token: &str, end_session: Option<&str>) -> Result<Self, WrongSignIn> {
        let [of_authorize, of_token, of_end] = ENDPOINTS;
        Ok(Self {
            authorize: endpoint(of_authorize, authorize)?,
            token: endpoint(of_token, token)?,
            end_session: end_session.map(|url| endpoint(of_end, url)).transpose()?,
        })
    }

    pub(super) fn authorize(&self) -> &str {
        self.authorize.as_str()
    }

    pub(super) fn token(&self) -> &str {
        self.token.as_str()
    }

    pub(super) fn end_session(&self) -> Option<&str> {
        self.end_session.as_ref().map(Url::as_str)
    }

    /// The origin that the pages have to connect to.
    pub(super) fn token_origin(&self) -> String {
        self.token.origin().ascii_serialization()
    }
}

impl PeopleSignIn {
    /// The sign-in of a client whose issuer's endpoints are not known yet.
    #[must_use]
    pub fn of(client: PublicClient) -> Self {
        Self { client, endpoints: OnceLock::new() }
    }

    /// The sign-in that variables of the environment name; `None` where they name no client.
    ///
    /// # Errors
    /// [`WrongSignIn`]: correct the variable it names.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, WrongSignIn> {
        // An empty one counts as unset.
        let found = |name: &str| lookup(name).filter(|value| !value.is_empty());
        let Some(id) = found(CLIENT) else { return Ok(None) };
        let scopes = found(CLIENT_SCOPES).unwrap_or_else(|| READING_SCOPES.to_owned());
        let sign_in = Self::of(PublicClient::new(&id, &scopes)?);
        let [authorize, token, end_session] = ENDPOINTS;
        let needed = |name| found(name).ok_or_else(|| wrong(name, "", "is needed where a client is named"));
        let (authorize, token) = (needed(authorize)?, needed(token)?);
        sign_in.found(IssuerEndpoints::new(&authorize, &token, found(end_session).as_deref())?);
        Ok(Some(sign_in))
    }

    /// The issuer's endpoints became known. The first ones count until the process ends.
    pub fn found(&self, endpoints: IssuerEndpoints) {
        let _ = self.endpoints.set(endpoints);
    }

    /// Whether the endpoints are known.
    pub fn is_ready(&self) -> bool {
        self.endpoints.get().is_some()
    }

    /// The client with the issuer's endpoints, once these are known.
    pub(super) fn ready(&self) -> Option<(&PublicClient, &IssuerEndpoints)> {
        self.endpoints.get().map(|endpoints| (&self.client, endpoints))
    }
}

/// The path of the file with the names of people, on the origin of the pages: their policy lets them connect to no other one.
///
/// # Errors
/// [`WrongSignIn`]: it is no path.
pub fn people_url(text: &str) -> Result<String, WrongSignIn> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if text.starts_with('/') && !text.starts_with("//") && is_plain && text.len() <= 1_000 {
        return Ok(text.to_owned());
    }
    Err(wrong(PEOPLE_URL, text, "must be a path on the ledger's own origin, such as /people.json"))
}

fn endpoint(name: &'static str, text: &str) -> Result<Url, WrongSignIn> {
    let url: Url = text.parse().map_err(|_| wrong(name, text, "is not a URL"))?;
    if !is_secure(&url) {
        return Err(wrong(name, text, "must begin with https://"));
    }
    // The host is named in a policy, where `;` and `,` end a rule.
    let is_plain =
        |host: &str| host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._[]:".contains(&byte));
    if !url.host_str().is_some_and(is_plain) || url.fragment().is_some() || !url.username().is_empty() {
        return Err(wrong(name, text, "must be a plain URL, without a fragment or a user"));
    }
    Ok(url)
}

/// Whether nobody on the network can replace what a URL leads to: https, or a server on this machine.
#[must_use]
pub fn is_secure(url: &Url) -> bool {
    let is_this_machine = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    url.scheme() == "https" || (url.scheme() == "http" && is_this_machine)
}

fn wrong(name: &'static str, value: &str, reason: &'static str) -> WrongSignIn {
    WrongSignIn { name, value: value.to_owned(), reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AUTHORIZE: &str = "https://id.example.com/authorize";
    const TOKEN: &str = "https://id.example.com/token";

    fn read(given: &[(&str, &str)]) -> Result<Option<PeopleSignIn>, WrongSignIn> {
        PeopleSignIn::read(|name| {
            given.iter().find(|(given, _)| *given == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn variables_name_a_client_with_all_it_needs_or_none() {
        let all = [(CLIENT, "explorer"), (ENDPOINTS[0], AUTHORIZE), (ENDPOINTS[1], TOKEN)];
        let sign_in = read(&all).unwrap().unwrap();
        let (client, endpoints) = sign_in.ready().unwrap();
        assert_eq!((client.id(), client.scopes()), ("explorer", READING_SCOPES));
        assert_eq!((endpoints.authorize(), endpoints.token()), (AUTHORIZE, TOKEN));
        assert_eq!(
            (endpoints.end_session(), endpoints.token_origin()),
            (None, "https://id.example.com".into())
        );
        assert!(read(&[]).unwrap().is_none() && read(&[(CLIENT, "")]).unwrap().is_none());
        for missing in [1, 2] {
            let given: Vec<_> =
                all.into_iter().enumerate().filter(|(n, _)| *n != missing).map(|(_, one)| one).collect();
            assert!(read(&given).unwrap_err().to_string().starts_with(all[missing].0));
        }
    }

    #[test]
    fn what_a_policy_or_a_browser_would_misread_is_refused() {
        for url in [
            "id.example.com/token",
            "http://id.example.com/token",
            "http://127.0.0.1.example.com/token",
            "javascript:alert(1)",
            "https://id.example.com;script-src/token",
            "https://id.example.com,x/token",
            "https://id.example.com/token#part",
            "https://somebody@id.example.com/token",
        ] {
            assert!(IssuerEndpoints::new(AUTHORIZE, url, None).is_err(), "{url}");
            assert!(IssuerEndpoints::new(url, TOKEN, None).is_err(), "{url}");
            assert!(IssuerEndpoints::new(AUTHORIZE, TOKEN, Some(url)).is_err(), "{url}");
        }
        for url in ["http://127.0.0.1:9/token", "http://localhost/token", "https://id.example.com:8443/a?b=c"]
        {
            assert!(IssuerEndpoints::new(AUTHORIZE, url, Some(url)).is_ok(), "{url}");
        }
        for (id, scopes) in [("", "a"), ("two words", "a"), ("a", ""), ("a", "a  b"), ("a", "a \"b\"")] {
            assert!(PublicClient::new(id, scopes).is_err(), "{id} {scopes}");
        }
    }

    #[test]
    fn names_of_people_are_on_the_origin_of_the_pages() {
        assert_eq!(people_url("/people.json").unwrap(), "/people.json");
        for elsewhere in
            ["", "people.json", "//example.com/people.json", "/\\example.com", "https://example.com/p"]
        {
            assert!(people_url(elsewhere).is_err(), "{elsewhere}");
        }
    }
}
