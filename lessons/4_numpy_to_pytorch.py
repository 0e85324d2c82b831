# %% [markdown]
# # 4. From NumPy to PyTorch
#
# **Objective.** You take a table the whole way: split it, standardise it, train, evaluate, turn the weights back into the
# units of the data, and predict. First all by hand in NumPy, then in PyTorch, then in bestline.
#
# | | |
# |---|---|
# | Time | 45 minutes |
# | You need | Lessons 1 to 3; NumPy arrays; what a data frame is |
# | You get | train, validation and test; standardising without cheating; a trained line in units that people understand |
#
# Contents: 1 The model. 2 Data. 3 Split. 4 Standardise. 5 Gradients. 6 Train. 7 Evaluate. 8 Back to the units of the data.
# 9 bestline. 10 The same in PyTorch. 11 Predict. 12 The rate, and when to stop. 13 Exercises. 14 What to remember.

# %% [markdown]
# ## 1. The model
#
#     ŷ = X W + b
#
# | Name | Meaning | Shape | Here |
# |---|---|---|---|
# | *N* | number of rows (samples) | | 50 |
# | *D* | number of columns (features) | | 1 |
# | *X* | inputs | N × D | 50 × 1 |
# | *W* | weights, one a column | D × 1 | 1 × 1 |
# | *b* | bias | 1 | 1 |
# | *ŷ* | predictions | N × 1 | 50 × 1 |
#
# **Advantages**: it is fast; each weight has a meaning; numbers and categories can both be columns (lesson 6 does that).
# **Limits**: it describes straight relations only, unless you add columns such as *x*².
#
# Some people cut ŷ at a threshold, to sort things into two classes. There are better methods for that. In this course *y* is a
# number.

# %% [markdown]
# ## 2. Data
#
# *X* counts from 0 to 49, and *y* = 3.5 *X* + noise. The noise is uniform from -10 to 20. **Mind its mean**: it is 5, not 0.
# So the line behind the points is *y* = 3.5 *X* + 5.
#
# A `RandomState` is a stream of random numbers of our own: no other code draws from it by accident.

# %%
import numpy as np
import pandas as pd

SEED, N = 1234, 50
rng = np.random.RandomState(SEED)


def generate_data(n):
    X = np.arange(n, dtype=float)
    return X, 3.5 * X + rng.uniform(-10, 20, size=n)


df = pd.DataFrame(dict(zip(["X", "y"], generate_data(N), strict=True)))
print(df.head().round(4).to_string())

# %%
from matplotlib.figure import Figure

picture = Figure(figsize=(6, 3.6), layout="constrained")
axes = picture.add_subplot()
axes.scatter(df["X"], df["y"])
axes.set(title="Generated data", xlabel="X", ylabel="y")
picture

# %% [markdown]
# ## 3. Split
#
# | Part | Share | What it is for |
# |---|---|---|
# | **train** | 70 % | the weights are learnt from it |
# | **validation** | 15 % | choices: how long to train, which penalty |
# | **test** | 15 % | the final judgement, looked at once |
#
# Shuffle first, for the rows are sorted by *X*. **Shuffle X and y together**: we shuffle row *numbers*, and take both by
# them. If each were shuffled on its own, no input would keep its answer.

# %%
order = list(range(N))
rng.shuffle(order)
X, y = df[["X"]].to_numpy()[order], df[["y"]].to_numpy()[order]

ends = [int(0.7 * N), int(0.85 * N)]
X_train, X_val, X_test = np.split(X, ends)
y_train, y_val, y_test = np.split(y, ends)
for name, a, c in [("train", X_train, y_train), ("val", X_val, y_val), ("test", X_test, y_test)]:
    print(f"{name:5} X {a.shape}, y {c.shape}, share {len(a) / N:.2f}")
print("the first X:", X[:6, 0].tolist())

# %% [markdown]
# ## 4. Standardise
#
# Lesson 3 showed why: with mean 0 and standard deviation 1 the bowl is round, and the limit of the rate is known.
#
#     z = (x - μ) / σ
#
# μ and σ come from the **training rows alone**. Validation and test stand for data that do not exist yet; to use their mean
# would be to look ahead.
#
# **Predict first.** After standardising, is the mean of the test part 0?

# %%
x_mean, x_std = X_train.mean(axis=0), X_train.std(axis=0)
y_mean, y_std = y_train.mean(axis=0), y_train.std(axis=0)


def standardize(values, mean, std):
    return (values - mean) / std


Z_train, Z_val, Z_test = (standardize(part, x_mean, x_std) for part in (X_train, X_val, X_test))
t_train, t_val, t_test = (standardize(part, y_mean, y_std) for part in (y_train, y_val, y_test))
for name, z, t in [("train", Z_train, t_train), ("test", Z_test, t_test)]:
    means = np.round([z.mean(), t.mean()], 1) + 0.0  # + 0.0 makes a 0 of -0
    print(f"{name:5} X: mean {means[0]}, std {z.std():.1f}   y: mean {means[1]}, std {t.std():.1f}")

# %% [markdown]
# Of the training rows the means are 0 and the standard deviations 1; that is the check. The test part is a little off, as
# eight other rows are bound to be.

# %% [markdown]
# ## 5. Gradients
#
# The weight starts small and random, the bias at 0. With the mean squared error, the chain rule gives
#
#     J      = (1/N) Σ (ŷᵢ - yᵢ)²
#     ∂J/∂W  = (2/N) Xᵀ (ŷ - y)
#     ∂J/∂b  = (2/N) Σ (ŷᵢ - yᵢ)
#
# *N* is the number of rows that go in, here 35. Written with matrices, this holds for any number of columns.
#
# **Predict first.** All weights are near 0, and the targets are standardised. About how large is the first loss?

# %%


def forward(X, W, b):
    return X @ W + b


def mse(X, y, W, b):
    return np.mean((forward(X, W, b) - y) ** 2)


def gradients(X, y, W, b):
    error = forward(X, W, b) - y
    return 2 / len(y) * X.T @ error, 2 * error.mean(axis=0)


W, b = 0.01 * rng.randn(1, 1), np.zeros(1)
print(f"W {W.shape}, b {b.shape}, predictions {forward(Z_train, W, b).shape}, loss {mse(Z_train, t_train, W, b):.2f}")

# %% [markdown]
# The loss is 0.99, near 1. It must be: *W* is nearly 0, so all predictions are nearly 0, and standardised targets have the
# mean square 1.

# %% [markdown]
# ## 6. Train
#
# A hundred epochs of batch gradient descent at the rate 0.1. We look at the validation loss on the way, and do not train
# on it.

# %%
W, b = 0.01 * rng.randn(1, 1), np.zeros(1)
first = W.copy(), b.copy()
train_losses, val_losses = [], []
for epoch in range(101):
    train_losses.append(mse(Z_train, t_train, W, b))
    val_losses.append(mse(Z_val, t_val, W, b))
    if epoch % 10 == 0 and epoch < 100:
        print(f"epoch {epoch:2}: loss {train_losses[-1]:.3f}, validation {val_losses[-1]:.3f}")
    if epoch < 100:
        slope_gradient, bias_gradient = gradients(Z_train, t_train, W, b)
        W, b = W - 0.1 * slope_gradient, b - 0.1 * bias_gradient

# %% [markdown]
# After 20 epochs hardly anything moves any more. The validation loss goes down with the training loss, and stays down: no
# over-fitting.

# %% [markdown]
# ## 7. Evaluate

# %%
print(f"train MSE {mse(Z_train, t_train, W, b):.2f}, test MSE {mse(Z_test, t_test, W, b):.2f}")

# %%
picture = Figure(figsize=(15, 5), layout="constrained")
for number, (name, z, t) in enumerate([("Train", Z_train, t_train), ("Test", Z_test, t_test)]):
    axes = picture.add_subplot(1, 2, number + 1)
    axes.scatter(z, t, label="y")
    axes.plot(z, forward(z, W, b), color="red", label="model")
    axes.set(title=name, xlabel="X, standardised", ylabel="y, standardised")
    axes.legend(loc="lower right")
picture

# %% [markdown]
# ## 8. Back to the units of the data
#
# The weights belong to standardised columns. Nobody thinks in those. Put *z* = (*x* - μ)/σ into the line, and collect the terms:
#
#     W_data = W · σ_y / σ_x
#     b_data = b · σ_y + μ_y - W_data · μ_x

# %%


def unscaled(W, b):
    """Slope and intercept in the data's units."""
    slope = (W[:, 0] * y_std / x_std).item()
    return slope, (b * y_std + y_mean - slope * x_mean).item()


slope, intercept = unscaled(W, b)
print("[truth] y = 3.5X + 5")
print(f"[model] y = {slope:.1f}X + {intercept:.1f}")
print(f"in full: {slope:.4f} and {intercept:.4f}")

# %% [markdown]
# **What it means**: when *X* grows by 1, *y* grows by 3.4 on average. The truth is 3.5. With 35 noisy points we come this near.

# %% [markdown]
# ## 9. bestline
#
# On the same 35 rows, from the same start: one line. It standardises as we did, with the rows it trains on, and reports in
# the data's units.

# %%
import bestline as bl

model = bl.fit(X_train, y_train, solver="sgd", lr=0.1, steps=100, start=unscaled(*first))
print(f"bestline: {model.coef['x0']:.4f} and {model.intercept:.4f}")
(test_mse,) = model.evaluate(X_test, y_test).mse  # one for each target; there is one
print(f"test MSE {test_mse / y_std.item() ** 2:.2f} standardised, {test_mse:.1f} in the data's units")
assert np.allclose([model.coef["x0"], model.intercept], [slope, intercept])
assert np.allclose(model.trace.loss.numpy() / y_std**2, train_losses)
assert np.isclose(test_mse / y_std.item() ** 2, mse(Z_test, t_test, W, b))

# %% [markdown]
# From the table itself, bestline also splits, by a seed of its own. Parts are shares, such as (0.7, 0.15, 0.15), or numbers of
# rows.

# %%
whole = bl.fit(df, "y ~ X", solver="sgd", lr=0.1, steps=100, split=(35, 7, 8), seed=SEED)
sizes = [sum(len(rows.y) for rows in whole.rows(part)) for part in ("training", "validation", "test")]
print("rows:", sizes)
print(f"slope {whole.coef['X']:.2f}, intercept {whole.intercept:.2f}: another split, another line")

# %% [markdown]
# ### The live page
#
# On the page, switch standardising off and on. What happens to the contours, and to the largest stable rate? Outside a
# notebook, open the file `numpy-to-pytorch.html`.

# %%
page = model.watch()
page.save("numpy-to-pytorch.html", overwrite=True)
page

# %% [markdown]
# ## 10. The same in PyTorch
#
# **Split**, in two calls of scikit-learn's `train_test_split`: the first takes the test part from all rows, the second
# takes the validation part from the rest. It keeps each row of X with its y.

# %%
import torch
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn

rng = np.random.RandomState(SEED)  # the stream again from its start, to where the rows were shuffled
generate_data(N)
rng.shuffle(list(range(N)))
rng.randn(1, 1)

X_rest, X_test, y_rest, y_test = train_test_split(X, y, test_size=0.15, random_state=rng)
X_train, X_val, y_train, y_val = train_test_split(X_rest, y_rest, test_size=0.15, random_state=rng)
for name, part in [("train", X_train), ("val", X_val), ("test", X_test)]:
    print(f"{name:5} {len(part):2} rows ({len(part) / N:.2f})")

# %% [markdown]
# **Standardise**, by two scalers that remember the training rows. We need them again to predict.

# %%
x_scaler, y_scaler = StandardScaler().fit(X_train), StandardScaler().fit(y_train)


def tensors(X, y):
    return torch.tensor(x_scaler.transform(X), dtype=torch.float32), torch.tensor(y_scaler.transform(y), dtype=torch.float32)


(Z_train, t_train), (Z_val, t_val), (Z_test, t_test) = tensors(X_train, y_train), tensors(X_val, y_val), tensors(X_test, y_test)
for name, z, t in [("train", Z_train, t_train), ("test", Z_test, t_test)]:
    means = np.round([z.mean().item(), t.mean().item()], 1) + 0.0
    print(f"{name:5} X: mean {means[0]}, std {z.std(correction=0):.1f}   y: mean {means[1]}, std {t.std(correction=0):.1f}")

# %% [markdown]
# **A layer**, to see the shapes: three rows in, three predictions out.

# %%
torch.manual_seed(SEED)
three = torch.randn(3, 1)
layer = nn.Linear(1, 1)
print(layer, "weight", tuple(layer.weight.shape), "bias", tuple(layer.bias.shape))
print(f"weight {layer.weight.item():.2f}, bias {layer.bias.item():.2f}")
print("in: ", [round(value, 4) for value in three.flatten().tolist()])
print("out:", [round(value, 4) for value in layer(three).flatten().tolist()])

# %% [markdown]
# **The model**, **the loss**, **the optimiser**. `nn.MSELoss` takes predictions and answers. Of these four predictions three
# are wrong by 1:

# %%


class LinearRegression(nn.Module):
    def __init__(self, input_dim, output_dim):
        super().__init__()
        self.fc1 = nn.Linear(input_dim, output_dim)

    def forward(self, x):
        return self.fc1(x)


loss_fn = nn.MSELoss()
print("loss:", loss_fn(torch.tensor([0.0, 0.0, 1.0, 1.0]), torch.tensor([1.0, 1.0, 1.0, 0.0])).item())

network = LinearRegression(input_dim=1, output_dim=1)
start = network.fc1.weight.item(), network.fc1.bias.item()
print(f"start: weight {start[0]:.4f}, bias {start[1]:.4f}")

# %% [markdown]
# **Train.** Adam keeps a step length for each weight, and adapts it as it goes. Its rate says about how far a weight moves in
# one step, so it means something else than the rate of plain descent.

# %%
optimizer = torch.optim.Adam(network.parameters(), lr=0.1)
for epoch in range(100):
    loss = loss_fn(network(Z_train), t_train)
    if epoch % 20 == 0:
        print(f"epoch {epoch:2}: loss {loss.item():.2f}")
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

network.eval()  # says: we predict now; a line does not care, larger models do
with torch.no_grad():
    train_error, test_error = loss_fn(network(Z_train), t_train).item(), loss_fn(network(Z_test), t_test).item()
print(f"train error {train_error:.2f}, test error {test_error:.2f}")

# %% [markdown]
# ## 11. Predict
#
# New inputs go **through the same scaler**, and predictions come back through the other one. Three rows, with what they
# really are:

# %%
asked = np.array([[10.0], [15.0], [25.0]])
with torch.no_grad():
    answers = y_scaler.inverse_transform(network(torch.tensor(x_scaler.transform(asked), dtype=torch.float32)).numpy())
for (x,), (answer,) in zip(asked, answers, strict=True):
    print(f"X {x:.0f}: {df['y'][int(x)]:.2f} (actual), {answer:.2f} (predicted)")

# %% [markdown]
# The line, in the data's units. And bestline, with Adam, from the same start.
#
# **Predict first.** Have a hundred steps of Adam reached the best line for these rows?

# %%
x_mean, x_std, y_mean, y_std = x_scaler.mean_, x_scaler.scale_, y_scaler.mean_, y_scaler.scale_
W, b = network.fc1.weight.detach().numpy(), network.fc1.bias.detach().numpy()
slope, intercept = unscaled(W, b)
adam = bl.fit(X_train, y_train, solver="adam", lr=0.1, steps=100, start=unscaled(np.array([[start[0]]]), np.array([start[1]])))
exact = bl.fit(X_train, y_train)
print(f"by hand:  y = {slope:.4f}X + {intercept:.4f}")
print(f"bestline: y = {adam.coef['x0']:.4f}X + {adam.intercept:.4f}")
print(f"exact:    y = {exact.coef['x0']:.4f}X + {exact.intercept:.4f}")
print("predictions by bestline:", adam.predict(asked).flatten().round(2).tolist())
assert np.allclose([slope, intercept], [adam.coef["x0"], adam.intercept], rtol=1e-4)
assert np.allclose(adam.predict(asked).flatten(), answers.flatten(), rtol=1e-4)

# %% [markdown]
# No. A hundred steps of Adam are **not** at the best line: the intercept is 7.9889 where 7.8401 is best. The loss curve did not show
# it. The exact solution does.
#
# bestline keeps the scaling inside the model, so `predict` takes the data as they are, and nothing can be forgotten.

# %% [markdown]
# ## 12. The rate, and when to stop
#
# Rates from 10⁻⁸ to 10⁻¹ are often tried. On standardised data with one input the limit of plain descent is 1. A hundred
# steps each:

# %%
rates = [1e-8, 1e-4, 1e-2, 1e-1, 0.5, 1.01]
runs = bl.sweep(X_train, y_train, lrs=rates, optimizers=["sgd"], steps=100, starts=[unscaled(np.zeros((1, 1)), np.zeros(1))])
for rate, loss in zip(runs.lrs.tolist(), runs.losses[-1].tolist(), strict=True):
    print(f"rate {rate:<6.4g} loss {loss / y_std.item() ** 2:.4f}")

# %% [markdown]
# When the rate is too small, nothing happens. When it is too large, the loss grows. Between the two there is plenty of room.
#
# **When to stop** is what the validation part is for: stop when its loss has not fallen for a while (**early stopping**). A
# line rarely needs it. In bestline it is `patience`, and a rate that falls with time is a `schedule`.

# %%
early = bl.fit(df, "y ~ X", solver="adam", lr=0.1, steps=1000, split=(0.7, 0.15, 0.15), seed=SEED, patience=20)
print(f"stopped after {len(early.trace.loss) - 1} of 1000 steps")

# %%
picture = early.plot.loss()
picture

# %% [markdown]
# ## 13. Exercises
#
# **13.1** Predict *y* for *X* = 60. Would you trust it?
#
# <details><summary>Solution</summary>
#
# ```python
# print(adam.predict([60.0]).round(1).tolist())
# ```
#
# ```text
# [212.7]
# ```
#
# The line knows 0 to 49. Beyond that it is a guess that the relation stays straight.
#
# </details>
#
# **13.2** Shuffle *y* on its own, then fit. What is the slope?
#
# <details><summary>Solution</summary>
#
# ```python
# mixed = np.random.RandomState(0).permutation(y)
# print(round(bl.fit(X, mixed).coef["x0"], 2))
# ```
#
# ```text
# 0.44
# ```
#
# Inputs and answers do not belong together any more. What slope is left is chance. And no error was raised.
#
# </details>
#
# **13.3** Train Adam for 1,000 steps instead of 100. Does the intercept reach 7.8401?
#
# <details><summary>Solution</summary>
#
# ```python
# longer = bl.fit(X_train, y_train, solver="adam", lr=0.1, steps=1000)
# print(round(longer.intercept, 4))
# ```
#
# ```text
# 7.8401
# ```
#
# </details>

# %% [markdown]
# ## 14. What to remember
#
# - Shuffle inputs and answers together. Split before you look. Scale by the training rows alone.
# - Three parts: train to learn, validation to choose, test to judge once.
# - Give weights back in the data's units: only there they mean something.
# - New inputs go through the scaler of the training rows.
# - NumPy, PyTorch and bestline give the same line, if they have the same rows and the same start.
# - The noise had mean 5: an intercept of 7.8 is to be judged against 5, not against 0.
#
# Next: `bestline lesson regularisation`.
#
# To cite: *bestline, a course on fitting lines. Lesson 4: From NumPy to PyTorch.*
