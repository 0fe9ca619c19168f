// A run's settings, as its picture gives them: `name=value&…`, always all of them.

export const FEATURES = ["x", "y", "xSquared", "ySquared", "xTimesY", "sinX", "sinY"] as const;

/** What the features are called, for the eye and for the ear. */
export const FEATURE_TITLES: { sign: string; name: string }[] = [
  { sign: "X₁", name: "X 1" },
  { sign: "X₂", name: "X 2" },
  { sign: "X₁²", name: "X 1 squared" },
  { sign: "X₂²", name: "X 2 squared" },
  { sign: "X₁X₂", name: "X 1 times X 2" },
  { sign: "sin X₁", name: "sine of X 1" },
  { sign: "sin X₂", name: "sine of X 2" },
];

export const MOST_LAYERS = 6;
export const MOST_UNITS = 8;

interface Option<T> {
  value: T;
  title: string;
}

const titled = (pairs: Record<string, string>): Option<string>[] => Object.entries(pairs).map(([value, title]) => ({ value, title }));

export const ACTIVATIONS = titled({ relu: "ReLU", tanh: "Tanh", sigmoid: "Sigmoid", linear: "Linear", leakyRelu: "Leaky ReLU", elu: "ELU", gelu: "GELU", softplus: "Softplus" });
export const REGULARIZATIONS = titled({ none: "None", L1: "L1", L2: "L2" });
export const PROBLEMS = titled({ classification: "Classification", regression: "Regression" });
export const LOSSES = titled({ squared: "Squared", crossEntropy: "Cross-entropy" });
export const OPTIMIZERS = titled({ sgd: "SGD", momentum: "Momentum", nesterov: "Nesterov", adagrad: "Adagrad", adadelta: "Adadelta", rmsprop: "RMSprop", adam: "Adam", adamw: "AdamW" });
export const SCHEDULES = titled({ constant: "Constant", step: "Steps", cosine: "Cosine", oneCycle: "One cycle" });
export const DATASETS = titled({ circle: "Circle", xor: "Exclusive or", gauss: "Gaussian", spiral: "Spiral" });
export const REGRESSION_DATASETS = titled({ "reg-plane": "Plane", "reg-gauss": "Multi Gaussian" });
export const RATES = [0.00001, 0.0001, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10];
export const REGULARIZATION_RATES = [0, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10];

/** What an address can hide, as `NAME_hide=true`. */
export const HIDABLE = titled({
  showTestData: "Show test data",
  discretize: "Discretize output",
  playButton: "Play button",
  stepButton: "Step button",
  resetButton: "Reset button",
  learningRate: "Learning rate",
  activation: "Activation",
  regularization: "Regularization",
  regularizationRate: "Regularization rate",
  problem: "Problem type",
  dataset: "Data set",
  percTrainData: "Share of training data",
  noise: "Noise",
  batchSize: "Batch size",
  numHiddenLayers: "Number of hidden layers",
});

/** Numbers of a list as options; the one that is set stands in it, whatever it is. */
export function numbers(list: number[], now: number): Option<number>[] {
  const all = list.includes(now) ? list : [...list, now].sort((a, b) => a - b);
  return all.map((value) => ({ value, title: String(value) }));
}

export class Settings {
  private readonly values: URLSearchParams;

  constructor(readonly text: string) {
    this.values = new URLSearchParams(text);
  }

  word(name: string): string {
    return this.values.get(name) ?? "";
  }

  number(name: string): number {
    const value = Number(this.values.get(name));
    return Number.isFinite(value) ? value : 0;
  }

  is(name: string): boolean {
    return this.values.get(name) === "true";
  }

  hides(name: string): boolean {
    return this.is(`${name}_hide`);
  }

  /** Units of each hidden layer. */
  get shape(): number[] {
    return this.word("networkShape")
      .split(",")
      .filter((units) => units !== "")
      .map(Number);
  }

  get isRegression(): boolean {
    return this.word("problem") === "regression";
  }

  get classes(): number {
    return this.isRegression ? 1 : Math.max(2, this.number("classes"));
  }

  get dataset(): string {
    return this.word(this.isRegression ? "regDataset" : "dataset");
  }

  /** The setting that names the data set. */
  get datasetName(): string {
    return this.isRegression ? "regDataset" : "dataset";
  }

  /** What differs from another run's settings, in words. */
  differsFrom(other: Settings): string[] {
    const names = new Set([...this.values.keys(), ...other.values.keys()]);
    return [...names].filter((name) => !name.includes(".") && this.word(name) !== other.word(name)).map((name) => `${name} ${this.word(name) || "none"}`);
  }
}

/** The address of a picture: the settings, and the step if they lead there alone. */
export function address(settings: string, epoch: number, isReproducible: boolean): string {
  return isReproducible && epoch > 0 ? `${settings}&step=${epoch}` : settings;
}
