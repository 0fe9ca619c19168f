//! Matrix products of Rust's own libraries, and the machine's peak: `peer-gemms gemm | matrixmultiply | faer | peak`.

mod peak;

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use harness::Product;

fn by_gemm([m, k, n]: [usize; 3], a: Vec<f32>, b: Vec<f32>) -> Product {
    let threads = match harness::threads() {
        1 => gemm::Parallelism::None,
        threads => gemm::Parallelism::Rayon(threads),
    };
    Box::new(move |c| {
        let (kk, nn) = (k as isize, n as isize);
        let (c, a, b) = (c.as_mut_ptr(), a.as_ptr(), b.as_ptr());
        // SAFETY: a is m x k, b is k x n and c is m x n, all row-major and of those lengths.
        unsafe {
            gemm::gemm(
                m, n, k, c, 1, nn, false, a, 1, kk, b, 1, nn, 0.0, 1.0, false, false, false,
                threads,
            );
        }
    })
}

/// Reads its thread count from `MATMUL_NUM_THREADS`, which run.py sets.
fn by_matrixmultiply([m, k, n]: [usize; 3], a: Vec<f32>, b: Vec<f32>) -> Product {
    Box::new(move |c| {
        let (kk, nn) = (k as isize, n as isize);
        let (c, a, b) = (c.as_mut_ptr(), a.as_ptr(), b.as_ptr());
        // SAFETY: a is m x k, b is k x n and c is m x n, all row-major and of those lengths.
        unsafe { matrixmultiply::sgemm(m, k, n, 1.0, a, kk, 1, b, nn, 1, 0.0, c, nn, 1) }
    })
}

fn by_faer([m, k, n]: [usize; 3], a: Vec<f32>, b: Vec<f32>) -> Product {
    let par = if harness::threads() == 1 { Par::Seq } else { Par::rayon(harness::threads()) };
    Box::new(move |c| {
        let c = MatMut::from_row_major_slice_mut(c, m, n);
        let (a, b) =
            (MatRef::from_row_major_slice(&a, m, k), MatRef::from_row_major_slice(&b, k, n));
        matmul(c, Accum::Replace, a, b, 1.0, par);
    })
}

fn main() {
    let library = std::env::args().nth(1).unwrap_or_default();
    match library.as_str() {
        "gemm" => harness::serve("gemm", "0.19.0", &harness::gemm_cases(by_gemm)),
        "matrixmultiply" => {
            harness::serve("matrixmultiply", "0.3.11", &harness::gemm_cases(by_matrixmultiply))
        }
        "faer" => harness::serve("faer", "0.24.4", &harness::gemm_cases(by_faer)),
        "peak" => harness::serve("peak", "-", &peak::cases()),
        other => {
            eprintln!("peer-gemms: found {other:?}, expected gemm, matrixmultiply, faer or peak");
            std::process::exit(2);
        }
    }
}
