//! `#[derive(Module)]`: writes a struct's state tree from its fields; `#[derive(Wire)]`: messages of the lab as bytes.

mod wire;

use proc_macro::TokenStream;
use proc_macro2::TokenStream as Tokens;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Attribute, Data, DeriveInput, Error, Field, Fields, Path, Result, parse_macro_input};

/// Makes a struct a `Module`: each field that is a layer, a module or a `Parameter` is an entry under its name.
///
/// `#[module(buffer)]` marks a field that is a `Variable` the module keeps itself; `#[module(skip)]` leaves a field
/// out. On the struct, `#[module(crate = path)]` says where the traits are, if not in `gradus`.
#[proc_macro_derive(Module, attributes(module))]
pub fn derive_module(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    expand(&input).unwrap_or_else(|e| e.to_compile_error()).into()
}

/// Makes a struct or an enum of gradus-lab-core a message: bytes both ways, and a description from which TypeScript is written.
/// `#[wire(name = "…")]` names it there.
#[proc_macro_derive(Wire, attributes(wire))]
pub fn derive_wire(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    wire::expand(&input).unwrap_or_else(|e| e.to_compile_error()).into()
}

#[derive(Default)]
struct Options {
    buffer: bool,
    skip: bool,
    home: Option<Path>,
}

fn options(attributes: &[Attribute]) -> Result<Options> {
    let mut o = Options::default();
    for attribute in attributes.iter().filter(|a| a.path().is_ident("module")) {
        attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("buffer") {
                o.buffer = true;
            } else if meta.path.is_ident("skip") {
                o.skip = true;
            } else if meta.path.is_ident("crate") {
                o.home = Some(meta.value()?.parse()?);
            } else {
                return Err(meta.error("expected `buffer`, `skip` or `crate = path`"));
            }
            Ok(())
        })?;
    }
    Ok(o)
}

fn expand(input: &DeriveInput) -> Result<Tokens> {
    let home = match options(&input.attrs)?.home {
        Some(path) => quote!(#path),
        None => quote!(::gradus::nn),
    };
    let Data::Struct(data) = &input.data else {
        return Err(Error::new(input.span(), "only a struct can derive Module"));
    };
    let mut entries = vec![];
    for (i, field) in data.fields.iter().enumerate() {
        entries.push(entry(&home, &data.fields, i, field)?);
    }
    let name = &input.ident;
    let (generics, arguments, bounds) = input.generics.split_for_impl();
    Ok(quote! {
        impl #generics #home::Module for #name #arguments #bounds {
            fn visit<'a>(&'a self, visitor: &mut #home::Visitor<'a, '_>) {
                #(#entries)*
            }
        }
    })
}

fn entry(home: &Tokens, fields: &Fields, i: usize, field: &Field) -> Result<Tokens> {
    let o = options(&field.attrs)?;
    if o.skip {
        return Ok(quote!());
    }
    let (name, access) = match (&field.ident, fields) {
        (Some(ident), _) => (ident.to_string(), quote!(#ident)),
        (None, _) => {
            let index = syn::Index::from(i);
            (i.to_string(), quote!(#index))
        }
    };
    let span = field.span();
    Ok(if o.buffer {
        quote_spanned!(span=> visitor(#name, #home::State::Buffer(&self.#access));)
    } else {
        quote_spanned!(span=> visitor(#name, #home::State::Child(&self.#access));)
    })
}
