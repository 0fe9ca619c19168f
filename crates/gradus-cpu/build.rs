//! Tells the library whether it is compiled without optimisation: a program whose own `Cargo.toml` asks for none would wait long for its
//! kernels without knowing why.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-check-cfg=cfg(unoptimized)");
    if std::env::var("OPT_LEVEL").as_deref() == Ok("0") {
        println!("cargo:rustc-cfg=unoptimized");
    }
}
