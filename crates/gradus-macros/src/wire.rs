//! `#[derive(Wire)]`: writes a message as bytes, reads it back, and describes it, field by field in their order.

use proc_macro2::TokenStream as Tokens;
use quote::quote;
use syn::spanned::Spanned;
use syn::{
    Attribute, Data, DataEnum, DeriveInput, Error, Expr, Fields, FieldsNamed, Lit, Meta, Result,
    Variant,
};

/// Implements `Wire` for a struct with named fields, or an enum whose variants are plain, have named fields, or hold one value.
pub(crate) fn expand(input: &DeriveInput) -> Result<Tokens> {
    let home = quote!(crate::wire);
    let name = &input.ident;
    let told = told(&input.attrs)?.unwrap_or_else(|| name.to_string());
    let about = about(&input.attrs);
    let (write, read, declared) = match &input.data {
        Data::Struct(data) => {
            let Fields::Named(fields) = &data.fields else {
                return Err(Error::new(input.span(), "a message's fields have names"));
            };
            let names: Vec<_> = fields.named.iter().map(|field| &field.ident).collect();
            let described = described(&home, fields);
            (
                quote!(#(#home::Wire::write(&self.#names, to);)*),
                quote!(Ok(#name { #(#names: #home::Wire::read(from)?),* })),
                quote!(#home::Declared::Struct(#described)),
            )
        }
        Data::Enum(data) => of_enum(&home, name, data)?,
        Data::Union(_) => return Err(Error::new(input.span(), "a union is no message")),
    };
    Ok(quote! {
        impl #home::Wire for #name {
            fn write(&self, to: &mut Vec<u8>) {
                #write
            }
            fn read(from: &mut #home::Reader<'_>) -> ::core::result::Result<Self, #home::Unreadable> {
                #read
            }
            fn shape(types: &mut #home::Types) -> #home::Shape {
                types.declare(#told, #about, |types| #declared)
            }
        }
    })
}

/// How an enum is written, read and described: a byte says which variant.
fn of_enum(home: &Tokens, name: &syn::Ident, data: &DataEnum) -> Result<(Tokens, Tokens, Tokens)> {
    let (mut writes, mut reads, mut tells) = (vec![], vec![], vec![]);
    for (i, variant) in data.variants.iter().enumerate() {
        let tag = u8::try_from(i).map_err(|_| Error::new(variant.span(), "over 256 variants"))?;
        let (write, read, tell) = of_variant(home, tag, variant)?;
        writes.push(write);
        reads.push(read);
        tells.push(tell);
    }
    let text = name.to_string();
    Ok((
        quote!(match self { #(#name::#writes)* }),
        quote!(match u8::read(from)? {
            #(#reads)*
            tag => Err(#home::Unreadable::tag(#text, tag)),
        }),
        quote!(#home::Declared::Enum(vec![#(#tells),*])),
    ))
}

fn of_variant(home: &Tokens, tag: u8, variant: &Variant) -> Result<(Tokens, Tokens, Tokens)> {
    let (name, text, about) = (&variant.ident, variant.ident.to_string(), about(&variant.attrs));
    let variant_of =
        |content: Tokens| quote!(#home::Variant { name: #text, about: #about, content: #content });
    Ok(match &variant.fields {
        Fields::Unit => (
            quote!(#name => to.push(#tag),),
            quote!(#tag => Ok(Self::#name),),
            variant_of(quote!(#home::Content::Nothing)),
        ),
        Fields::Named(fields) => {
            let names: Vec<_> = fields.named.iter().map(|field| &field.ident).collect();
            let described = described(home, fields);
            (
                quote!(#name { #(#names),* } => {
                    to.push(#tag);
                    #(#home::Wire::write(#names, to);)*
                }),
                quote!(#tag => Ok(Self::#name { #(#names: #home::Wire::read(from)?),* }),),
                variant_of(quote!(#home::Content::Fields(#described))),
            )
        }
        Fields::Unnamed(fields) if fields.unnamed.len() == 1 => {
            let held = &fields.unnamed[0].ty;
            (
                quote!(#name(value) => {
                    to.push(#tag);
                    #home::Wire::write(value, to);
                }),
                quote!(#tag => Ok(Self::#name(#home::Wire::read(from)?)),),
                variant_of(quote!(#home::Content::Value(<#held as #home::Wire>::shape(types)))),
            )
        }
        Fields::Unnamed(_) => {
            return Err(Error::new(variant.span(), "more than one value: give them names"));
        }
    })
}

/// The fields of a struct or variant as a list of descriptions.
fn described(home: &Tokens, fields: &FieldsNamed) -> Tokens {
    let fields = fields.named.iter().map(|field| {
        let (kind, about) = (&field.ty, about(&field.attrs));
        let name = field.ident.as_ref().map(ToString::to_string).unwrap_or_default();
        quote!(#home::Field { name: #name, about: #about, shape: <#kind as #home::Wire>::shape(types) })
    });
    quote!(vec![#(#fields),*])
}

/// The name given by `#[wire(name = "…")]`.
fn told(attributes: &[Attribute]) -> Result<Option<String>> {
    let mut name = None;
    for attribute in attributes.iter().filter(|a| a.path().is_ident("wire")) {
        attribute.parse_nested_meta(|meta| {
            if !meta.path.is_ident("name") {
                return Err(meta.error("expected `name = \"…\"`"));
            }
            let text: syn::LitStr = meta.value()?.parse()?;
            name = Some(text.value());
            Ok(())
        })?;
    }
    Ok(name)
}

/// The documentation of an item, its lines joined.
fn about(attributes: &[Attribute]) -> String {
    let lines = attributes.iter().filter_map(|attribute| match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
            Expr::Lit(literal) => match &literal.lit {
                Lit::Str(text) => Some(text.value().trim().to_owned()),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    });
    lines.collect::<Vec<_>>().join(" ")
}
