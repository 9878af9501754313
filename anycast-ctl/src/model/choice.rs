//! What operators choose between: the names in commands are those in site files and in the API.

use clap::ValueEnum;

/// An enum of such choices. One is called as its variant is, in kebab case, unless it has a name of its own.
macro_rules! choice {
    ($(#[$about:meta])+ $type:ident { $($(#[$attribute:meta])+ $variant:ident $(= $name:literal)?,)+ }) => {
        $(#[$about])+
        #[derive(
            Clone,
            Copy,
            Debug,
            Default,
            PartialEq,
            Eq,
            PartialOrd,
            Ord,
            Hash,
            serde::Serialize,
            serde::Deserialize,
            utoipa::ToSchema,
            schemars::JsonSchema,
            clap::ValueEnum,
        )]
        // As clap has them.
        #[serde(rename_all = "kebab-case")]
        pub enum $type {
            $($(#[$attribute])+ $(#[serde(rename = $name)] #[value(name = $name)])? $variant,)+
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&$crate::model::label(self))
            }
        }
    };
}

pub(crate) use choice;

/// What site files and commands call a choice.
pub fn label<T: ValueEnum>(choice: &T) -> String {
    choice.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}
