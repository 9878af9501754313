//! What values a key takes, in words.

use serde_json::Value;

use crate::page::{Page, anchor, code};

/// The definitions that a schema refers to.
pub struct Kinds<'a>(pub &'a Value);

impl Kinds<'_> {
    /// What a property is: not that it may be left out, nor that there may be several.
    pub fn entry(&self, property: &Value) -> Value {
        let property = given(property);
        let property = property.get("items").unwrap_or(property);
        self.definition(property).map_or(property, |(_, definition)| definition).clone()
    }

    /// Whether a property is a list.
    pub fn is_list(&self, property: &Value) -> bool {
        given(property).get("items").is_some()
    }

    fn definition<'a>(&'a self, property: &'a Value) -> Option<(&'a str, &'a Value)> {
        let name = property.get("$ref")?.as_str()?.rsplit('/').next()?;
        Some((name, &self.0[name]))
    }

    /// The values that a property takes.
    pub fn words(&self, property: &Value) -> String {
        let property = given(property);
        if let Some(items) = property.get("items") {
            return if is_table(&self.entry(items)) {
                "entries".to_owned()
            } else {
                format!("list of {}", self.words(items).replace("text", "texts"))
            };
        }
        if let Some((name, definition)) = self.definition(property) {
            let name = spaced(name);
            return match () {
                () if is_table(definition) => "table".to_owned(),
                () if choices(definition).is_empty() => format!("[{name}](#{})", anchor(&name)),
                () => {
                    let values: Vec<String> =
                        choices(definition).iter().map(|(value, _)| value.clone()).collect();
                    format!("{}: [{name}](#{})", values.join(", "), anchor(&name))
                }
            };
        }
        plain(property)
    }

    /// Sections that tell what values mean.
    pub fn values(&self, page: &mut Page) {
        let definitions = self.0.as_object().unwrap().iter().filter(|(_, definition)| !is_table(definition));
        let (chosen, written): (Vec<_>, Vec<_>) =
            definitions.partition(|(_, definition)| !choices(definition).is_empty());
        page.heading(2, "Values that are written");
        for (name, definition) in written {
            page.heading(3, &capital(&spaced(name)));
            page.block(definition["description"].as_str().unwrap());
        }
        page.heading(2, "Values that are chosen");
        for (name, definition) in chosen {
            page.heading(3, &capital(&spaced(name)));
            page.block(definition["description"].as_str().unwrap());
            page.table(
                ["value", "meaning"],
                choices(definition).into_iter().map(|(value, about)| [value, about]),
            );
        }
    }
}

/// Whether a definition is that of a table.
pub fn is_table(definition: &Value) -> bool {
    definition.get("properties").is_some()
}

/// What may be left out may be null, too.
fn given(property: &Value) -> &Value {
    let either = property.get("anyOf").and_then(Value::as_array);
    either.filter(|either| either.iter().any(|it| it["type"] == "null")).map_or(property, |either| &either[0])
}

/// The values to choose from, and what each means.
fn choices(definition: &Value) -> Vec<(String, String)> {
    let either = definition.get("oneOf").or_else(|| definition.get("anyOf")).and_then(Value::as_array);
    let described = either.into_iter().flatten().filter(|choice| choice.get("description").is_some());
    let choice = |choice: &Value| {
        let value = choice
            .get("const")
            .map_or_else(|| plain(choice).replace("number, ", ""), |value| code(&value.to_string()));
        (value, choice["description"].as_str().unwrap().to_owned())
    };
    described.map(choice).collect()
}

/// A value that needs no definition.
fn plain(property: &Value) -> String {
    let is = |kind: &str| {
        let named = &property["type"];
        named == kind || named.as_array().is_some_and(|kinds| kinds.iter().any(|it| it == kind))
    };
    match () {
        () if is("integer") => format!("number, {} to {}", property["minimum"], property["maximum"]),
        () if is("boolean") => "true or false".to_owned(),
        () if is("string") => "text".to_owned(),
        () => panic!("no words for {property}"),
    }
}

/// `FinePeriod` as words.
fn spaced(name: &str) -> String {
    let mut words = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.extend(letter.to_lowercase());
    }
    words
}

fn capital(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
