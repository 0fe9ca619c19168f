//! The lazy computation graph of Gradus: nodes, gradients, plans and their execution.
