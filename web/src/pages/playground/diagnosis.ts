// What is seen, in words: one sentence or two on the state of a run, and what would help.

import { plain } from "../../numbers";
import type { PlaygroundRun } from "../../wire";
import { FEATURES, type Settings } from "./settings";

export interface Cure {
  title: string;
  /** Settings that it changes, by name. */
  sets: [string, string][];
}

export interface Diagnosis {
  /** Good, or to be worried about; else neither. */
  mood: "good" | "bad" | "plain";
  text: string;
  cures: Cure[];
}

const bad = (text: string, ...cures: Cure[]): Diagnosis => ({ mood: "bad", text, cures });

const uses = (settings: Settings): Set<string> => new Set(FEATURES.filter((name) => settings.is(name)));

/** What it finds first, the graver before the lighter. */
export function diagnose(run: PlaygroundRun, settings: Settings, epoch: number): Diagnosis {
  if (run.points.train === 0) return bad("There are no points to learn from: draw some, or choose a data set.");
  if (epoch === 0) return { mood: "plain", text: "The weights are random, so the map is, too. Press play: each epoch the network sees every training point once and moves its weights a little.", cures: [] };
  return broken(run, settings) ?? alike(run, settings) ?? impossible(run, settings, epoch) ?? dead(run, settings) ?? slow(run, settings, epoch) ?? fitted(run, settings, epoch);
}

function broken(run: PlaygroundRun, settings: Settings): Diagnosis | null {
  if (Number.isFinite(run.trainLoss) && run.trainLoss < 1e3) return null;
  const smaller = Math.max(0.001, settings.number("learningRate") / 10);
  return bad("The weights have run away: each step overshoots and makes the next one larger. The learning rate is too high.", {
    title: `Learning rate ${plain(smaller).replace(/0+$/, "")}, begin again`,
    sets: [["learningRate", String(smaller)]],
  });
}

/** Units that began alike and so stay alike. */
function alike(run: PlaygroundRun, settings: Settings): Diagnosis | null {
  if (!settings.is("initZero") || settings.shape.length === 0 || run.trainLoss < 0.05) return null;
  const same = run.layers.slice(0, -1).every((layer) => layer.weights.every((weight, at) => weight === layer.weights[at % layer.inputs]));
  if (!same) return null;
  return bad("All weights began at zero, so all units of a layer are alike, get the same gradient, and stay alike: the layer is as good as one unit. Random weights tell them apart.", { title: "Random weights", sets: [["initZero", "false"]] });
}

/** What no number of epochs can do. */
function impossible(run: PlaygroundRun, settings: Settings, epoch: number): Diagnosis | null {
  if (settings.isRegression || epoch < 30) return null;
  const features = uses(settings);
  const straight = settings.shape.length === 0 || settings.word("activation") === "linear";
  const plainFeatures = [...features].every((name) => name === "x" || name === "y");
  const failed = settings.classes > 2 ? run.trainAccuracy < 0.85 : run.trainLoss > 0.3;
  const squares = features.has("xSquared") && features.has("ySquared");
  if (settings.shape.length === 0 && settings.dataset === "circle" && squares && run.trainLoss > 0.6 && settings.word("loss") === "squared" && settings.classes === 2)
    return bad(
      "A trap. With the squares as features the answer is one weighted sum away, yet it does not move: the squares reach 36, the output's tanh is flat where it stands, and through a flat function no gradient passes. Cross-entropy does not have this plateau; a smaller first step helps, too.",
      { title: "Cross-entropy", sets: [["loss", "crossEntropy"]] },
    );
  if (!failed || !straight || !plainFeatures || settings.dataset === "gauss" || settings.dataset === "own") return null;
  const why = settings.shape.length === 0 ? "Without a hidden layer the network is one weighted sum" : "Layers of linear units are together one weighted sum";
  const cures: Cure[] = settings.shape.length === 0 ? [{ title: "A hidden layer of four units", sets: [["networkShape", "4"]] }] : [{ title: "Tanh", sets: [["activation", "tanh"]] }];
  return bad(`${why}: it can only cut the plane by a straight line, and no straight line parts these points. The loss stays where it is, however long it learns.`, ...cures);
}

function dead(run: PlaygroundRun, settings: Settings): Diagnosis | null {
  const units = run.layers.slice(0, -1).reduce((sum, layer) => sum + layer.units, 0);
  const gone = run.layers.slice(0, -1).reduce((sum, layer) => sum + layer.deadUnits.reduce((count, one) => count + one, 0), 0);
  if (gone === 0 || run.trainLoss < 0.03) return null;
  return bad(`${gone} of ${units} units ${gone === 1 ? "is" : "are"} dead: below zero for every training point, where ReLU is flat. No gradient reaches them, so they stay dead. A leaky unit keeps a small slope.`, {
    title: "Leaky ReLU",
    sets: [["activation", settings.word("activation") === "relu" ? "leakyRelu" : "tanh"]],
  });
}

function slow(run: PlaygroundRun, settings: Settings, epoch: number): Diagnosis | null {
  const first = run.layers[0]?.gradientNorm ?? 0;
  const last = run.layers.at(-1)?.gradientNorm ?? 0;
  if (epoch < 30 || run.trainLoss < 0.1 || settings.shape.length < 2 || first <= 0 || last <= 0) return null;
  if (first > last / 300) return null;
  const cures: Cure[] = settings.word("activation") === "sigmoid" ? [{ title: "Tanh", sets: [["activation", "tanh"]] }] : [{ title: "Adam", sets: [["optimizer", "adam"], ["learningRate", "0.01"]] }];
  return bad(`The gradient fades on its way back: in the first layer it is ${plain(last / first, 0)} times smaller than in the last one, so the first layer hardly learns.`, ...cures);
}

function fitted(run: PlaygroundRun, settings: Settings, epoch: number): Diagnosis {
  const low = settings.isRegression ? 0.01 : 0.05;
  if (Number.isFinite(run.testLoss) && run.testLoss > 2.5 * run.trainLoss + low)
    return bad("It knows the training points, but not the others: the map bends around single points. That is overfitting. More points help, less noise, fewer units, or a penalty on large weights.", {
      title: "L2, rate 0.003",
      sets: [["regularization", "L2"], ["regularizationRate", "0.003"]],
    });
  if (run.trainLoss < low) {
    const how = settings.shape.length === 0 ? "The features alone are enough: one weighted sum of them does it." : "Point at the units: each of the first layer draws a line, and those after it are made of lines.";
    return { mood: "good", text: `It has learned this. ${how}`, cures: [] };
  }
  if (settings.dataset === "spiral" && run.trainLoss > 0.3) return { mood: "plain", text: "A spiral is hard for few units: it wants more layers, more units, or the sines as features, and patience.", cures: [{ title: "Two layers of eight", sets: [["networkShape", "8,8"]] }] };
  if (epoch > 400 && run.trainLoss > 0.2 && !settings.isRegression)
    return { mood: "plain", text: "It has come to rest where a small step in any direction makes it worse, though better answers are elsewhere. Begin again from other weights, or give it more units.", cures: [{ title: "Begin again", sets: [] }] };
  return { mood: "plain", text: "It learns. The map shows what the network says at every place; points are what it was told.", cures: [] };
}
