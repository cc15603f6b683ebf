//! Who may: tokens of an issuer that the test plays, each refused or believed, and what each scope opens.

mod clients;
mod issuer;
mod rotation;
mod scopes;
mod settings;
mod tokens;
