//! The commands as routes name them.

/// What a route does with a product.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum CommandKind {
    Create,
    Replace,
    Patch,
    Delete,
    Restore,
}

impl CommandKind {
    /// The name in logs and metrics.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Replace => "replace",
            Self::Patch => "patch",
            Self::Delete => "delete",
            Self::Restore => "restore",
        }
    }
}
