//! The op test harness of Gradus: oracles, gradient checks, tolerances.
