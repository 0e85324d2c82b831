/** A run taken home: the call that makes it, in Python and on the command line, and the plain code behind it. */

const list = (values) => `[${Array.from(values, String).join(", ")}]`;
const swings = ({ optimizer }) => optimizer === "momentum" || optimizer === "nesterov";

/** The rows as Python has them, by the names of the call, where the page's rows are not those of the file any more. */
function rowsAsDict({ session: { data, target }, told: { names } }, weights) {
  const parts = [[names[0], data.x], [target, data.y], ...(data.w ? [[weights, data.w]] : [])];
  return `{${parts.map(([name, column]) => `${JSON.stringify(name)}: ${list(column)}`).join(", ")}}`;
}

/** The call on the rows of the page, and these above it: no file has them. */
function movedCall(trainer) {
  const { session: { data, target }, told, bowl } = trainer, [name] = told.names, weights = [name, target].includes("w") ? "weight of row" : "w";
  const what = told.intercept ? `target=${JSON.stringify(target)}, features=[${JSON.stringify(name)}]` : JSON.stringify(`\`${target}\` ~ \`${name}\` - 1`);
  const more = `${data.w ? `, weights=${JSON.stringify(weights)}` : ""}${bowl.ridge ? `, l2=${bowl.ridge[0]}` : ""}`;
  return [`import bestline as bl\n\nmodel = bl.fit(data, ${what}${more}`, `data = ${rowsAsDict(trainer, weights)}\n`];
}

/** The call in Python; `trainer` holds the settings and what is known of the call. */
export function pythonOf(trainer) {
  const { settings, told, moved } = trainer, { optimizer, lr, momentum, steps, standardize, start } = settings;
  const [call, above] = moved ? movedCall(trainer) : [told.call.python, ""];
  const shared = `standardize=${standardize ? "True" : "False"}, start=${list(start)})`, [imports, ...rest] = call.split("\n\n");
  if (!swings(settings) || momentum === 0.9) return `${imports}\n\n${above}${rest.join("\n\n")}, solver="${optimizer}", lr=${lr}, steps=${steps}, ${shared}`;
  const how = `partial(torch.optim.SGD, momentum=${momentum}${optimizer === "nesterov" && momentum > 0 ? ", nesterov=True" : ""})`;
  return `from functools import partial\n\nimport torch\n${imports}\n\n${above}${rest.join("\n\n")}, solver=bl.Descent(${how}, lr=${lr}, steps=${steps}), ${shared}`;
}

/** The command; or null, with `whyNoCommand` to say why there is none. */
export function commandOf(trainer) {
  const { settings, told } = trainer, { optimizer, lr, steps, standardize, start } = settings;
  if (whyNoCommand(trainer)) return null;
  return `${told.call.command} --solver=${optimizer} --lr=${lr} --steps=${steps} ${standardize ? "--standardize" : "--no-standardize"} --start=${start.join(",")}`;
}

/** Why the command line cannot make this run; empty where it can. */
export function whyNoCommand({ settings, told, moved }) {
  if (moved) return "Rows were moved on this page, so no file has them.";
  if (!told.call.command) return "The data were in memory; the command line reads a file.";
  return swings(settings) && settings.momentum !== 0.9 ? "The command line knows the momentum 0.9 alone." : "";
}

/** What an optimiser does with `gradient` in a loop over `step`, in plain code: what is set before it, and the lines in it. */
function update({ optimizer, momentum }) {
  if (optimizer === "adam") {
    return [["m, v = 0 * w, 0 * w"], ["m = 0.9 * m + 0.1 * gradient", "v = 0.999 * v + 0.001 * gradient**2", "w = w - lr * (m / (1 - 0.9**step)) / (np.sqrt(v / (1 - 0.999**step)) + 1e-8)"]];
  }
  if (optimizer === "sgd") return [[], ["w = w - lr * gradient"]];
  const way = optimizer === "nesterov" ? `(gradient + ${momentum} * velocity)` : "velocity";
  return [["velocity = 0 * w"], [`velocity = ${momentum} * velocity + gradient`, `w = w - lr * ${way}`]];
}

/** The run as plain code, as in the lessons: NumPy, a loop, and nothing hidden. */
export function scriptOf(trainer) {
  const { settings, told, session, moments, bowl } = trainer, { data } = session, p = moments.mean.length - 1, { intercept } = told, { optimizer, standardize, start, lr, steps } = settings;
  const inline = Boolean(data?.whole) && optimizer !== "adam", names = told.names.slice(0, p), scale = bowl.scaling.scale, kept = scale.map((v, j) => (v === 1 ? j : -1)).filter((j) => j >= 0);
  const lines = ["import numpy as np", ""];
  if (data?.whole) {
    const columns = data.x ? [data.x] : names.map((_, j) => data.X.map((row) => row[j]));
    lines.push(`# ${names.join(", ")} and ${session.target}, row by row.`, `X = np.column_stack([${columns.map(list).join(",\n    ")}])`, `y = np.array(${list(data.y)})`);
    lines.push(data.w ? `share = np.array(${list(data.w)})` : "share = np.ones(len(y))", "share = share / share.sum()", "mean = share @ np.column_stack([X, y])");
    lines.push("away = np.column_stack([X, y]) - mean", "covariance = away.T @ (share[:, None] * away)", "spread = np.sqrt(np.diag(covariance))");
  } else {
    lines.push(`# Means and covariances of ${[...names, session.target].join(", ")}: all that the squared loss of ${told.rows} rows depends on.`, `mean = np.array(${list(moments.mean)})`);
    lines.push(`covariance = np.array([${moments.covariance.map((row) => list(row)).join(",\n    ")}])`, "spread = np.sqrt(np.diag(covariance))");
  }
  lines.push("");
  if (standardize) {
    lines.push(intercept ? "center, scale = mean.copy(), spread.copy()" : "center, scale = 0 * mean, np.sqrt(spread**2 + mean**2)");
    if (kept.length) lines.push(`scale[${list(kept)}] = 1  # columns that keep their size`);
  } else lines.push("center, scale = 0 * mean, 0 * mean + 1");
  lines.push("cx, cy, sx, sy = center[:-1], center[-1], scale[:-1], scale[-1]", "");
  if (inline) lines.push(`A = (X - cx) / sx${intercept ? "\nA = np.column_stack([A, np.ones(len(A))])" : ""}`, "t = (y - cy) / sy");
  else {
    lines.push("S, m = covariance / np.outer(scale, scale), (mean - center) / scale", "H, h = S[:-1, :-1] + np.outer(m[:-1], m[:-1]), S[:-1, -1] + m[:-1] * m[-1]");
    if (intercept) lines.push("H = np.block([[H, m[:-1, None]], [m[None, :-1], np.ones((1, 1))]])", "h = np.append(h, m[-1])");
  }
  const [before, inside] = update(settings);
  lines.push("", `w = np.array(${list(trainer.start)})  # the start, ${start.join(", ")}, as it is for the columns as trained`);
  lines.push(`lr, steps = ${lr}, ${steps}`, ...before, "", "for step in range(1, steps + 1):", `    gradient = ${inline ? "2 * A.T @ (share * (A @ w - t))" : "2 * (H @ w - h)"}${bowl.ridge ? ` + 2 * np.array(${list(bowl.ridge)}) * w` : ""}`, ...inside.map((line) => `    ${line}`), "");
  lines.push(`slopes = w[:${p}] * sy / sx  # back in the data's units`, `for name, slope in zip(${JSON.stringify(names)}, slopes):`, "    print(name, float(slope))");
  if (intercept) lines.push(`print("Intercept", float(w[${p}] * sy + cy - slopes @ cx))`);
  return `${lines.join("\n")}\n`;
}
