//! A deep learning toolbox: one lazy graph engine that trains, explains, draws and scales networks.
