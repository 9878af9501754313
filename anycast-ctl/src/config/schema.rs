//! The JSON Schema of site files, generated from the types they are read into.

use schemars::{Schema, generate::SchemaSettings};

use crate::model::Site;

/// What editors and other tools need to know of site files, in the dialect of 2020-12. It knows keys, types and ranges; what
/// entries ask of each other, [`Site::problems`] says.
pub fn schema() -> Schema {
    let mut schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<Site>();
    schema.insert("title".to_owned(), "anycast site".into());
    schema
}

#[cfg(test)]
mod tests;
