"""The cases over sequences, once for every library: what goes over them, how many multiply-adds that is, and what is asked of Gradus.

Weights are `[out, in]`, layer by layer and way by way the input's and the state's, of attention those of queries, keys, values and of
what comes out, and last the scores'; all are uniform within 1/sqrt(units), biases are zero.
"""

from dataclasses import dataclass

SYMBOLS = 65
PARTS = {"lstm": 4, "gru": 3}


@dataclass(frozen=True)
class Sequences:
    """`body` is lstm, gru or attention; `layers` are attention's heads. `inputs` are the numbers of a place, 0 where it is a character.
    `asks` is the ratio to the best peer that is wanted."""

    body: str
    inputs: int
    units: int
    layers: int
    batch: int
    steps: int
    asks: float
    ways: int = 1
    writes: bool = False  # a character at a time, the most likely one next
    input_gradient: bool = True

    @property
    def chars(self):
        return self.inputs == 0

    def macs(self):
        """Useful multiply-adds of a step; one-hot rows are a choice of rows of a table."""
        places = self.batch * self.steps
        if self.body == "attention":
            return 3 * places * self.units * (4 * self.units + 2 * self.steps)
        width = self.ways * PARTS[self.body] * self.units
        rest = width * (self.layers * self.units + (self.layers - 1) * self.ways * self.units)
        rest += self.ways * self.units * SYMBOLS if self.chars else 0
        return rest if self.writes else places * ((3 if self.input_gradient else 2) * width * self.inputs + 3 * rest)

    def weights(self):
        """The shapes."""
        if self.body == "attention":
            return [(self.units, self.units)] * 4
        width, shapes = PARTS[self.body] * self.units, []
        for layer in range(self.layers):
            inputs = self.ways * self.units if layer else self.inputs or SYMBOLS
            shapes += [(width, inputs), (width, self.units)] * self.ways
        return shapes + ([(SYMBOLS, self.ways * self.units)] if self.chars else [])

    def weight_bytes(self):
        """What one character reads: of the first layer's weights of the input one row."""
        return 4 * (self.macs() + PARTS[self.body] * self.units)


CASES = {
    "rnn_chars_lstm_256x1": Sequences("lstm", 0, 256, 1, 32, 64, 1.8),
    "rnn_chars_lstm_512x1": Sequences("lstm", 0, 512, 1, 32, 64, 1.5),
    "rnn_chars_lstm_512x2": Sequences("lstm", 0, 512, 2, 32, 64, 1.3),
    "rnn_chars_gru_256x1": Sequences("gru", 0, 256, 1, 32, 64, 2.5),
    "rnn_dense_lstm_256x1": Sequences("lstm", 256, 256, 1, 32, 64, 1.2),
    "rnn_dense_lstm_512x2": Sequences("lstm", 512, 512, 2, 32, 64, 1.1),
    "rnn_dense_gru_256x1": Sequences("gru", 256, 256, 1, 32, 64, 1.8),
    "rnn_frames_gru_96x2": Sequences("gru", 161, 96, 2, 16, 200, 1.5, ways=2, input_gradient=False),
    "rnn_attention_512x8": Sequences("attention", 512, 512, 8, 16, 256, 1.2),
    "rnn_sample_lstm_256x1": Sequences("lstm", 0, 256, 1, 1, 1, 4.0, writes=True),
    "rnn_sample_lstm_512x2": Sequences("lstm", 0, 512, 2, 1, 1, 2.0, writes=True),
}
PEAK_ASKED = 0.8  # of dense training this share of the measured peak is enough
MEMORY_ASKED = 0.5  # of what PyTorch's case adds
