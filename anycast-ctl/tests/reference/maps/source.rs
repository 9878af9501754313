//! What sources say: maps with their writers and readers, and what fields of types are for.

use std::{fs, path::Path};

use quote::ToTokens as _;
use syn::{
    Attribute, Expr, Fields, File, GenericArgument, ImplItem, Item, ItemStruct, Lit, Meta, PathArguments,
    Type, Visibility,
};

use crate::page::{code, unlinked};

/// What is said of a map where it is declared.
pub struct Declared {
    pub key: String,
    pub value: String,
    pub what: String,
    pub writer: String,
    pub reader: String,
}

fn parse(path: &Path) -> File {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("read {}: {error}", path.display()));
    syn::parse_file(&text).unwrap()
}

fn directory(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name).join("src")
}

/// Documentation of an item, without indentation.
pub fn documentation(attributes: &[Attribute]) -> String {
    let lines = attributes.iter().filter_map(|attribute| {
        let Meta::NameValue(pair) = &attribute.meta else { return None };
        let Expr::Lit(literal) = &pair.value else { return None };
        let Lit::Str(text) = &literal.lit else { return None };
        let text = text.value();
        pair.path.is_ident("doc").then(|| text.strip_prefix(' ').map_or_else(|| text.clone(), str::to_owned))
    });
    unlinked(&lines.collect::<Vec<_>>().join("\n"))
}

/// The maps that files of anycast-ebpf declare, with their names.
pub fn maps(files: &[&str]) -> Vec<(String, Declared)> {
    let mut maps = Vec::new();
    for file in files {
        for item in parse(&directory("anycast-ebpf").join(file)).items {
            let Item::Static(it) = item else { continue };
            let Some(map) = it.attrs.iter().find(|attribute| attribute.path().is_ident("map")) else {
                continue;
            };
            let text = documentation(&it.attrs);
            let said = |what: &str| text.lines().find_map(|line| line.strip_prefix(what)).map(str::to_owned);
            let (Some(mut writer), Some(reader)) = (said("Writer: "), said("Reader: ")) else { continue };
            if let Some(evicts) = said("Evicts: ") {
                writer += &format!("; evicts {evicts}");
            }
            let (key, value) = key_and_value(&it.ty);
            let what = text.split("\n\n").next().unwrap_or_default().to_owned();
            let name = name_of(map).unwrap_or_else(|| it.ident.to_string());
            maps.push((name, Declared { key, value, what, writer, reader }));
        }
    }
    maps
}

/// The name in `#[map(name = "…")]`.
fn name_of(attribute: &Attribute) -> Option<String> {
    let Meta::List(list) = &attribute.meta else { return None };
    let text = list.tokens.to_string();
    Some(text.split('"').nth(1)?.to_owned())
}

/// Types of keys and values, as the map's type has them.
fn key_and_value(kind: &Type) -> (String, String) {
    let Type::Path(path) = kind else { panic!("a map's type is a path") };
    let last = path.path.segments.last().unwrap();
    let types: Vec<String> = match &last.arguments {
        PathArguments::AngleBracketed(list) => {
            let types = list.args.iter().filter_map(|argument| {
                let GenericArgument::Type(kind) = argument else { return None };
                Some(code(&words(kind)))
            });
            types.collect()
        }
        PathArguments::None | PathArguments::Parenthesized(_) => Vec::new(),
    };
    match (last.ident.to_string().as_str(), types.as_slice()) {
        ("Array" | "PerCpuArray", [value]) => ("index".to_owned(), value.clone()),
        ("DevMapHash", []) => ("kernel interface index".to_owned(), "the same, and a program".to_owned()),
        ("RingBuf", []) => (String::new(), "records".to_owned()),
        ("Flows", []) => (code("FlowKey"), code("Record")),
        ("LpmTrie", [key, value]) => (format!("length of the prefix, {key}"), value.clone()),
        (_, [key, value]) => (key.clone(), value.clone()),
        (kind, _) => panic!("no words for keys and values of {kind}"),
    }
}

/// A type as people write it.
pub fn words(kind: &Type) -> String {
    kind.to_token_stream()
        .to_string()
        .replace(" ;", ";")
        .replace(" :: ", "::")
        .replace("[ ", "[")
        .replace(" ]", "]")
}

/// Flags of a type of anycast-common: names, values, what they mean.
pub fn flags(file: &str, name: &str) -> Vec<(String, String, String)> {
    let items = parse(&directory("anycast-common").join(file)).items;
    let ours = items.into_iter().filter_map(|item| {
        let Item::Impl(it) = item else { return None };
        (it.trait_.is_none() && words(&it.self_ty) == name).then_some(it.items)
    });
    let constants = ours.flatten().filter_map(|item| {
        let ImplItem::Const(it) = item else { return None };
        (words(&it.ty) == "u32" && matches!(it.vis, Visibility::Public(_))).then_some(it)
    });
    let told = constants
        .map(|it| (it.ident.to_string(), it.expr.to_token_stream().to_string(), documentation(&it.attrs)));
    told.collect()
}

/// A type of anycast-common: what it is for, and its public fields with their types and what they are for.
pub fn structure(file: &str, name: &str) -> (String, Vec<(String, String, String)>) {
    let items = parse(&directory("anycast-common").join(file)).items;
    let found = items.into_iter().find_map(|item| {
        let Item::Struct(ItemStruct { ident, attrs, fields, .. }) = item else { return None };
        (ident == name).then_some((attrs, fields))
    });
    let (attributes, fields) = found.unwrap_or_else(|| panic!("{file} has no {name}"));
    let fields = match fields {
        Fields::Named(named) => named.named.into_iter().collect::<Vec<_>>(),
        Fields::Unnamed(_) | Fields::Unit => Vec::new(),
    };
    let public = fields.iter().filter(|field| matches!(field.vis, Visibility::Public(_)));
    let told = public.map(|field| {
        (field.ident.as_ref().unwrap().to_string(), words(&field.ty), documentation(&field.attrs))
    });
    (documentation(&attributes), told.collect())
}
