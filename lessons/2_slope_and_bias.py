# %% [markdown]
# # 2. Slope and bias
#
# **Objective.** You train slope and bias by hand, see the loss as a landscape with a path on it, and compare two learning
# rates. You know before training which rates can work.
#
# | | |
# |---|---|
# | Time | 30 minutes |
# | You need | Lesson 1, and what the derivative of *x*² is |
# | You get | loss, gradient, learning rate; how to read a loss surface; when training diverges |
#
# Contents: 1 Data. 2 How wrong is a line? 3 The landscape. 4 Which way is down? 5 Training by hand. 6 The path. 7 A second
# rate. 8 The limit. 9 bestline. 10 Exercises. 11 What to remember.

# %% [markdown]
# ## 1. Data
#
# Sixty inputs from -3 to 2.9, a tenth apart. The line behind them is *y* = 1 · *x* - 1. Each *y* then gets a little random
# noise. Its standard deviation is 0.1: that is the typical size of the noise. Its mean is 0.

# %%
import torch

torch.manual_seed(1)
X = torch.arange(-3, 3, 0.1).view(-1, 1)  # a column: one row for each point
f = 1 * X - 1
Y = f + 0.1 * torch.randn(X.size())
print(tuple(X.shape), "from", round(X[0].item(), 4), "to", round(X[-1].item(), 4))
print("the first three y:", [round(value, 4) for value in Y[:3].flatten().tolist()])

# %% [markdown]
# The end, 3, is not there: `arange` stops before it. The points, and the line that they were made from:

# %%
from matplotlib.figure import Figure

picture = Figure(figsize=(6, 3.6), layout="constrained")
axes = picture.add_subplot()
axes.plot(X.numpy(), Y.numpy(), "rx", label="y")
axes.plot(X.numpy(), f.numpy(), label="f(x) = x - 1")
axes.set(xlabel="x", ylabel="y", title="Sixty points and the line behind them")
axes.legend()
picture

# %% [markdown]
# ## 2. How wrong is a line?
#
# A line is given by its slope *w* and its bias *b*. For each point, the error is what it predicts minus what is right.
# Square the errors, so that too high and too low count alike, and take the mean. This is the **mean squared error** (MSE),
# our **loss**:
#
#     L(w, b) = (1/n) Σ (w xᵢ + b - yᵢ)²
#
# | Name | Meaning |
# |---|---|
# | *n* | number of points: 60 |
# | *xᵢ*, *yᵢ* | input and answer of point *i* |
# | *w*, *b* | slope and bias, the two numbers that we look for |
# | *L* | the loss: one number for a whole line |
#
# **Predict first.** We shall start at *w* = -15, *b* = -10. Is the loss there nearer to 1, to 30 or to 800?

# %%


def forward(x, w, b):
    return w * x + b


def criterion(prediction, y):
    return torch.mean((prediction - y) ** 2)


for slope, bias in [(-15.0, -10.0), (0.0, 0.0), (1.0, -1.0)]:
    print(f"w {slope:5}, b {bias:5}: loss {criterion(forward(X, slope, bias), Y).item():.4f}")

# %% [markdown]
# 800 is nearest: the loss there is 835.2761. You can see it without a computer. At *x* = 2 this line says -15 · 2 - 10, so -40,
# where about 1 is right: the squared error is 41², or 1,681. At *x* = 0 it is 9², or 81. The mean is somewhere between.
#
# Even the line that made the data does not have loss 0: the noise remains.

# %% [markdown]
# ## 3. The landscape
#
# Every pair (*w*, *b*) is a line, and has a loss. So the loss is a landscape over a map whose directions are slope and
# bias. To train is to walk down. For a line under the squared loss the landscape is always a bowl, with one lowest point.
#
# Let us compute it by hand: 31 values of *w* and 31 of *b*, from -15 to 15.

# %%
W, B = torch.meshgrid(torch.linspace(-15, 15, 31), torch.linspace(-15, 15, 31), indexing="ij")
L = ((W[..., None] * X[:, 0] + B[..., None] - Y[:, 0]) ** 2).mean(-1)  # (31, 31): the loss at each place of the map
low = L.argmin()
print(
    f"lowest of the {L.numel()} places: w {W.flatten()[low].item():.0f}, b {B.flatten()[low].item():.0f}, loss {L.min().item():.4f}"
)
print(f"highest: {L.max().item():.1f}")

# %%
picture = Figure(figsize=(11, 4.2), layout="constrained")
space = picture.add_subplot(1, 2, 1, projection="3d")
space.plot_surface(W.numpy(), B.numpy(), L.numpy(), cmap="viridis")
space.set(xlabel="w", ylabel="b", zlabel="loss", title="Loss surface")
above = picture.add_subplot(1, 2, 2)
above.contour(W.numpy(), B.numpy(), L.numpy(), levels=15)
above.set(xlabel="w", ylabel="b", title="The same from above: contours of equal loss")
picture

# %% [markdown]
# On the right you look down into the bowl. Each ring joins places of equal loss: it is a **contour**. The rings are narrower along
# *w* than along *b*: a change of the slope matters more here than the same change of the bias.
#
# **Mind the brackets.** The error is *y* - (*w x* + *b*). Without the brackets, *y* - *w x* + *b*, this picture would show a
# mirrored bowl, with its lowest point at *b* = +1. The training below has its own code for the loss. It would be right, and
# only the picture would be wrong.

# %% [markdown]
# ## 4. Which way is down?
#
# Stand at (*w*, *b*). The **partial derivative** ∂L/∂w says how fast the loss grows when *w* grows and *b* stays the same;
# ∂L/∂b, when *b* grows and *w* stays the same. Both together are the **gradient**. It points uphill. The chain rule of derivatives gives:
#
#     ∂L/∂w = (2/n) Σ (w xᵢ + b - yᵢ) · xᵢ
#     ∂L/∂b = (2/n) Σ (w xᵢ + b - yᵢ)
#
# **Gradient descent** takes a step against the gradient. The **learning rate** *α* says how long the step is:
#
#     w ← w - α · ∂L/∂w
#     b ← b - α · ∂L/∂b
#
# PyTorch finds the gradient for you (`backward`). Let us see that it finds the same as the formulas:

# %%
w = torch.tensor(-15.0, requires_grad=True)
b = torch.tensor(-10.0, requires_grad=True)
criterion(forward(X, w, b), Y).backward()

with torch.no_grad():
    error = forward(X, w, b) - Y
    dw, db = 2 * (error * X).mean(), 2 * error.mean()
print(f"by PyTorch: {w.grad.item():.3f} and {b.grad.item():.3f}")
print(f"by formula: {dw.item():.3f} and {db.item():.3f}")
assert torch.allclose(torch.stack([w.grad, b.grad]), torch.stack([dw, db]))

# %% [markdown]
# Both are negative: the loss falls when *w* and *b* grow. The first is larger, so the first step is mostly a change of slope.
#
# **Predict first.** With the rate 0.1, where is *w* after one step?

# %% [markdown]
# ## 5. Training by hand
#
# Fifteen steps at the rate 0.1. We record one row for each step: the number *k* of updates so far, the weights after them, and
# the loss **at these weights**. Row 0 is the start. 15 updates make 16 rows.

# %%


def train(lr, steps):
    w = torch.tensor(-15.0, requires_grad=True)
    b = torch.tensor(-10.0, requires_grad=True)
    rows = []
    for k in range(steps + 1):
        loss = criterion(forward(X, w, b), Y)
        rows.append((k, w.item(), b.item(), loss.item()))  # plain numbers; tensors would drag their history along
        if k < steps:
            loss.backward()
            with torch.no_grad():  # the update itself is not part of the model
                w -= lr * w.grad
                b -= lr * b.grad
            w.grad.zero_()  # backward adds to what is there
            b.grad.zero_()
    return rows


slow = train(lr=0.1, steps=15)
for k, slope, bias, value in slow:
    print(f"{k:2}  w {slope:10.5f}  b {bias:10.5f}  loss {value:10.5f}")

# %% [markdown]
# After one step *w* is -5.48062: -15 minus 0.1 times the gradient that you saw. After 15 steps the slope is close to 1,
# and the bias, -1.35351, is still some way from -1. Along *b* the bowl is flatter, so the steps there are shorter.

# %% [markdown]
# ## 6. The path
#
# `bl.Recorder` draws a run that *you* made. It takes the numbers, and does not care how you got them.

# %%
import bestline as bl

recorder = bl.Recorder({"x": X[:, 0], "y": Y[:, 0]}, "y ~ x")
for _, slope, bias, value in slow:
    recorder(slope, bias, value)
picture = recorder.frame(3)
picture

# %% [markdown]
# Left: the points and the line after three updates. Right: the map, with the path so far. Both sides show the same row of the
# record. Look at other steps: `recorder.frame(0)`, `recorder.frame(15)`. And `recorder.watch()` plays them all.

# %% [markdown]
# ## 7. A second rate
#
# **Predict first.** The same start, the same 15 steps, twice the rate: 0.2. Is the result better or worse? Does it go the
# same way?

# %%
fast = train(lr=0.2, steps=15)
for k in (0, 1, 2, 3, 15):
    print(f"{k:2}  w {fast[k][1]:10.5f}  b {fast[k][2]:10.5f}  loss {fast[k][3]:10.5f}")
print(f"after 15 steps: {slow[15][3]:.5f} at the rate 0.1, {fast[15][3]:.5f} at 0.2")

# %% [markdown]
# Better. The first step leaps over the valley: *w* goes from -15 to 4.03876, past 1, and then comes back. The longer steps
# also bring the bias closer to -1. The loss, 0.00773, is now as low as the noise allows, or nearly so.

# %%
picture = Figure(figsize=(6, 3.6), layout="constrained")
axes = picture.add_subplot()
axes.plot([row[3] for row in slow], label="learning rate 0.1")
axes.plot([row[3] for row in fast], label="learning rate 0.2")
axes.set(xlabel="updates", ylabel="loss", yscale="log", title="The same start, two learning rates")
axes.legend()
picture

# %% [markdown]
# ## 8. The limit
#
# **Predict first.** If 0.2 is better than 0.1, is 0.4 better still?

# %%
for k, slope, bias, value in train(lr=0.4, steps=5):
    print(f"{k}  w {slope:12.3f}  b {bias:12.3f}  loss {value:12.1f}")

# %% [markdown]
# No. Each step leaps over the valley and lands higher on the other side. The run **diverges**.
#
# Where is the limit? It depends on the **curvature**: how fast the gradient grows as you walk away from the lowest point. For
# one weight that is the second derivative; of *x*² it is 2 everywhere. Along a direction with curvature *c*, each step
# multiplies the distance from the lowest point by 1 - *α c*. The distance shrinks as long as *α c* is below 2. The direction
# with the largest curvature decides for all:
#
#     α < 2 / λ,  where λ is the largest curvature
#
# The second derivatives of our loss make a table of 2 × 2, a matrix: twice by *w*, by *w* and by *b*, twice by *b*. Its
# **eigenvalues** are the largest and the smallest curvature. PyTorch computes them, and you need to know no more about them here.
# The matrix is the same at every place of the map, and *y* is not in it:

# %%
x = X[:, 0].double()
H = 2 * torch.stack([torch.stack([(x * x).mean(), x.mean()]), torch.stack([x.mean(), torch.ones(()).double()])])
curvatures = torch.linalg.eigvalsh(H)
limit = 2 / curvatures[-1].item()
print("curvatures:", [round(value, 4) for value in curvatures.tolist()])
print(f"largest stable rate: {limit:.4f}")
print(f"best fixed rate in the long run: {2 / curvatures.sum().item():.4f}")

# %% [markdown]
# The limit is 0.3330. The rates 0.1 and 0.2 are below it, 0.4 is above it. We know that without trying one of them. The best
# fixed rate is 2 divided by the sum of both curvatures: with it the distance shrinks equally fast in both
# directions. From one given start, and for a few steps, another rate may do better.

# %% [markdown]
# ## 9. bestline
#
# `bl.preflight` computes the limit and the number of steps before any training. `bl.fit` trains. Both must give the numbers
# that we found by hand. The lines with `assert` check it.

# %%
from math import isclose

data = bl.synthetic.lesson("slope-and-bias")
ahead = bl.preflight(data, "y ~ x", lr=0.1, start=(-15, -10))
print(f"largest stable rate: {ahead.lr_limit:.4f}")
assert isclose(ahead.lr_limit, limit, rel_tol=1e-6)

run = {"solver": "sgd", "steps": 15, "start": (-15, -10), "standardize": False}
slow_model = bl.fit(data, "y ~ x", lr=0.1, **run)
fast_model = bl.fit(data, "y ~ x", lr=0.2, **run)
print(slow_model.trace.frame()[["step", "x", "Intercept", "loss"]].iloc[[0, 1, 2, 15]].round(5).to_string(index=False))

for model, rows in ((slow_model, slow), (fast_model, fast)):
    for (_, slope, bias, value), weights, loss in zip(
        rows, model.trace.weights[:, :, 0].tolist(), model.trace.loss.tolist(), strict=True
    ):
        assert isclose(slope, weights[0], rel_tol=1e-4)
        assert isclose(bias, weights[1], rel_tol=1e-4)
        assert isclose(value, loss, rel_tol=1e-4)
print("all 32 rows agree")

# %% [markdown]
# How far are we from the best line? For the squared loss the best line can be computed exactly. So bestline can always tell.
# The **gap** is the loss less that of the best line:

# %%
exact = bl.fit(data, "y ~ x")
print("exact:", exact.params.round(4).to_dict(), f"loss {exact.trace.loss[-1]:.6f}")
print(f"above it after 15 steps: {slow_model.trace.gap[-1]:.2g} at the rate 0.1, {fast_model.trace.gap[-1]:.2g} at 0.2")

# %% [markdown]
# The loss surface with the path on it. The path lies on the surface, because both show the same loss. Then both rates after
# three updates, in all four views: data, contours, surface, loss.

# %%
picture = slow_model.plot.surface()
picture

# %%
picture = slow_model.plot.overview(others={"rate 0.2": fast_model}, label="rate 0.1", step=3)
picture

# %% [markdown]
# ### The live page
#
# **Play with it before you go on.** The page trains by itself, at once.
#
# 1. Drag the point "start" to another place of the map. Does it still find the lowest point?
# 2. Turn the learning rate up, slowly, until the path leaves the bowl. A mark below the slider says where that must happen.
# 3. Press "move the line by hand", and change slope and intercept yourself. How low a loss do you reach?
#
# A notebook shows it here, a terminal opens it, and the script writes `slope-and-bias.html`.

# %%
page = slow_model.watch({"rate 0.2": fast_model})
page.save("slope-and-bias.html", overwrite=True)
page

# %% [markdown]
# ## 10. Exercises
#
# **10.1** From the same start, which learning rate has the lowest loss after 15 steps? Try 0.15, 0.2, 0.25 and 0.3.
#
# <details><summary>Solution</summary>
#
# ```python
# for lr in (0.15, 0.2, 0.25, 0.3):
#     print(lr, round(train(lr, 15)[15][3], 5))
# ```
#
# ```text
# 0.15 0.00972
# 0.2 0.00773
# 0.25 0.00771
# 0.3 0.99573
# ```
#
# 0.25 is almost the best fixed rate of section 8. At 0.3 the path swings from one side of the valley to the other, and
# each swing still has four fifths of the length of the last.
#
# </details>
#
# **10.2** Start at *w* = 1, *b* = -10. Only the bias is wrong. Does the slope move?
#
# <details><summary>Solution</summary>
#
# A little. Put the start into the formula of section 4: every error is about -9, so ∂L/∂w is about 2 · (-9) times the mean of
# the inputs. That mean is -0.05, not 0. So a wrong bias pulls at the slope as well. The matrix `H` of section 8 says the same:
# off its diagonal stands -0.1, not 0.
#
# ```python
# error = forward(X, 1.0, -10.0) - Y
# print("derivative by w:", round(2 * (error * X).mean().item(), 2))
# print("mean of x:", round(x.mean().item(), 4), "H:", [round(value, 3) for value in H.flatten().tolist()])
# ```
#
# ```text
# derivative by w: 0.86
# mean of x: -0.05 H: [6.003, -0.1, -0.1, 2.0]
# ```
#
# </details>
#
# **10.3** Subtract the mean from *x*, and divide by its standard deviation. What is the largest stable rate now?
#
# <details><summary>Solution</summary>
#
# ```python
# z = (x - x.mean()) / x.std(correction=0)
# H = 2 * torch.stack([torch.stack([(z * z).mean(), z.mean()]), torch.stack([z.mean(), torch.ones(()).double()])])
# print(round(2 / torch.linalg.eigvalsh(H)[-1].item(), 4))
# ```
#
# ```text
# 1.0
# ```
#
# Both curvatures are 2. The bowl is round, and a step against the gradient goes straight to the lowest point: the rate 0.5 gets
# there in one step. To bring *x* to mean 0 and standard deviation 1 is called **standardising**, and this is why one does it.
#
# </details>

# %% [markdown]
# ## 11. What to remember
#
# - The loss is a landscape over slope and bias. For a line and squared errors it is a bowl.
# - The gradient points uphill; a step goes against it; the learning rate says how far.
# - There is a largest stable rate, 2 divided by the largest curvature. Above it training diverges from almost any start.
# - Record weights and loss as one row. *K* updates make *K* + 1 rows.
# - Fifteen steps at 0.1 were not enough. Measure the distance to the exact solution; do not guess it from the curve.
#
# Next: `bestline lesson one-point`, from a single point and a spreadsheet to a trained line.
#
# To cite: *bestline, a course on fitting lines. Lesson 2: Slope and bias.*
