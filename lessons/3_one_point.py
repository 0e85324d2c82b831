# %% [markdown]
# # 3. From one point to a trained line
#
# **Objective.** You do gradient descent on paper, for one point and one weight. Then you train a line on a hundred points
# with PyTorch, and find out why the usual rate, 0.01, is a bad choice there.
#
# | | |
# |---|---|
# | Time | 40 minutes |
# | You need | Lessons 1 and 2 |
# | You get | epoch, batch, under- and over-fitting; why "restart and try again" seems to help, and what helps |
#
# Contents: 1 One point, one weight. 2 The derivative. 3 A spreadsheet. 4 A hundred points. 5 Before training. 6 Training. 7 On
# the edge. 8 Batches. 9 How many epochs? 10 Exercises. 11 What to remember.

# %% [markdown]
# ## 1. One point, one weight
#
# Take the smallest problem there is: one point, *x* = -3 and *y* = 3, and a line through the origin, *ŷ* = *w x*. The bias
# stays 0. The error of a weight is
#
#     E(w) = (w x - y)² = (-3 w - 3)²
#
# **Predict first.** Which weight has the error 0? And which is worse: -2, or 2?

# %%
x, y = -3.0, 3.0


def error(w):
    return (w * x - y) ** 2


print("weight   error")
for weight in (-2.0, -1.5, -1.0, 1.5, 2.0):
    print(f"{weight:6}  {error(weight):6}")

# %% [markdown]
# The weight -1 is right: -1 · -3 is 3. The further from it, the faster the error grows.
#
# bestline has the same errors, of a line that you choose:

# %%
import bestline as bl

for weight in (-2.0, -1.5, -1.0, 1.5, 2.0):
    assert bl.line(w=weight).loss(x, y) == error(weight)

# %% [markdown]
# ## 2. The derivative
#
# On paper the lowest point is easy to see. A computer feels its way, by the slope of the curve where it stands:
#
#     dE/dw = 2 (w x - y) x = 18 (w + 1)
#
# Left of -1 it is negative: the error falls when *w* grows. Right of -1 it is positive. So a step **against** the derivative
# always goes down. The further away, the larger the derivative, and the longer the step.

# %% [markdown]
# ## 3. A spreadsheet
#
# Two columns are enough: the weight, and its error. Each row makes the next one:
#
#     next weight = weight - rate · dE/dw
#
# Start at -1.5, with the rate 0.01. You may do this in a real spreadsheet.
#
# **Predict first.** How far is it from -1.5 to -1, and what part of the way does each step go?

# %%
weight, rate = -1.5, 0.01
rows = []
for step in range(41):
    rows.append((step, weight, error(weight)))
    weight -= rate * 18 * (weight + 1)

print("step   weight      error")
for step in (0, 1, 2, 10, 20, 40):
    print(f"{step:4}  {rows[step][1]:9.6f}  {rows[step][2]:.3g}")

# %% [markdown]
# The distance is 0.5 at first. Each step goes 0.18 of the rest of the way, because 0.01 · 18 is 0.18. So 0.82 of the distance is
# left each time. After 40
# steps the weight is -1.000178. It comes as near to -1 as you like, but never arrives.
#
# The same by bestline. The formula `y ~ 0 + x` is a line without a bias.

# %%
import warnings

import numpy as np

warnings.simplefilter("ignore", bl.errors.BestlineWarning)  # it says, rightly, that one point cannot tell how good a line is
spreadsheet = bl.fit({"x": [x], "y": [y]}, "y ~ 0 + x", solver="sgd", lr=0.01, steps=40, start=(-1.5,), standardize=False)
print(f"after 40 steps: {spreadsheet.coef['x']:.6f}, largest stable rate {spreadsheet.rate_limit:.4f}")
assert np.allclose(spreadsheet.trace.weights.flatten(), [row[1] for row in rows])
assert np.allclose(spreadsheet.trace.loss, [row[2] for row in rows])
warnings.simplefilter("default", bl.errors.BestlineWarning)

# %%
picture = spreadsheet.plot.weight()
picture

# %% [markdown]
# The curve of the error, and the weights that training passed through.
#
# The curvature is 18, so the limit of the rate (lesson 2) is 2/18, or 0.1111. Above it, each step lands further away than it
# began. At the rate 0.12, for example, it multiplies the distance by 1 - 18 · 0.12, which is -1.16.

# %% [markdown]
# ## 4. A hundred points
#
# Now real work: 100 random inputs from the normal distribution (the bell curve), with mean 0 and standard deviation 10. And
# *y* = *x*, plus noise with standard deviation 3.
#
# The seed is set **before** the data are drawn. If it is not, you have other data on each run, and no two people
# can compare their numbers.

# %%
import torch
from matplotlib.figure import Figure
from torch import nn

torch.manual_seed(1)
X = torch.randn(100, 1) * 10
noise = 3 * torch.randn(100, 1)
Y = X + noise

picture = Figure(figsize=(10, 3.6), layout="constrained")
for number, (values, title) in enumerate([(X, "Without noise: y = x"), (Y, "With noise")]):
    axes = picture.add_subplot(1, 2, number + 1)
    axes.plot(X.numpy(), values.numpy(), "o", mfc="none")
    axes.set(xlabel="x", ylabel="y", title=title)
picture

# %% [markdown]
# ## 5. Before training
#
# `nn.Linear` gives us a random line, as in lesson 1. Seeded, it is the same for everyone.

# %%
torch.manual_seed(1)
model = nn.Linear(1, 1)


def weights():
    """Slope and bias of the model as it is now."""
    return model.weight.item(), model.bias.item()


def plot_fit(title):
    """The points and the line of the model, over the range of the data."""
    picture = Figure(figsize=(6, 3.6), layout="constrained")
    axes = picture.add_subplot()
    ends = torch.stack([X.min(), X.max()]).view(-1, 1)
    with torch.no_grad():
        axes.plot(ends.numpy(), model(ends).numpy(), "r", label="model")
    axes.plot(X.numpy(), Y.numpy(), "o", mfc="none", label="data")
    axes.set(xlabel="x", ylabel="y", title=title)
    axes.legend()
    return picture


start = weights()
print(f"start: slope {start[0]:.4f}, bias {start[1]:.4f}")
plot_fit("Initial model")

# %% [markdown]
# ## 6. Training
#
# Two weights now, so two partial derivatives (lesson 2 has the formulas). PyTorch has all the parts:
#
# | Part | What it does |
# |---|---|
# | `nn.MSELoss()` | the mean of the squared errors |
# | `torch.optim.SGD(parameters, lr)` | subtracts rate · gradient from each parameter |
# | `zero_grad()` | clears the gradients of the step before |
# | `backward()` | computes the gradients |
# | `step()` | changes the parameters |
#
# An **epoch** is one pass over all rows. Here each step uses all rows, so an epoch is one step.
#
# **Predict first.** The noise has a standard deviation of 3. About how low can the loss get?

# %%
criterion = nn.MSELoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
losses = []
for epoch in range(100):
    loss = criterion(model(X), Y)
    losses.append(loss.item())  # a plain number; the tensor would keep everything that led to it
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if epoch % 10 == 0 or epoch == 99:
        print(f"epoch {epoch:2}: loss {losses[-1]:.4f}")

losses.append(criterion(model(X), Y).item())  # of the trained model: the loop above looks before it steps
slope, bias = weights()
print(f"trained: slope {slope:.4f}, bias {bias:.4f}, loss {losses[-1]:.4f}")

# %%
plot_fit("Trained model")

# %%
picture = Figure(figsize=(6, 3.6), layout="constrained")
axes = picture.add_subplot()
axes.plot(losses)
axes.set(xlabel="updates", ylabel="loss", title="Loss against updates")
picture

# %% [markdown]
# The best line leaves the noise as its errors. The mean of their squares is the **variance** of the noise: its standard deviation
# squared, here about 9. So a loss near 9 or 10 is as low as it gets. We are at 10.3308. Is that the end? The curve
# looks flat, and "looks flat" is all that a curve can say. The exact solution tells:

# %%
data = bl.synthetic.lesson("crash-course")
exact = bl.fit(data, "y ~ x")
trained = bl.fit(data, "y ~ x", solver="sgd", lr=0.01, steps=100, start=start, standardize=False)
print(f"exact: slope {exact.coef['x']:.4f}, bias {exact.intercept:.4f}, loss {exact.trace.loss[-1]:.4f}")
print(f"bestline, 100 steps: slope {trained.coef['x']:.4f}, bias {trained.intercept:.4f}, loss {trained.trace.loss[-1]:.4f}")
assert np.allclose(trained.trace.loss, losses, rtol=1e-4)
assert np.allclose(trained.params, weights(), rtol=1e-3)

# %% [markdown]
# No: 9.9812 is possible. And the trained slope is 0.9927 where 1.0533 is best. A hundred epochs, and not there yet. Why?

# %% [markdown]
# ## 7. On the edge
#
# Look at the slope, step by step:

# %%
steps = trained.trace.frame()
print(steps[["step", "x", "loss"]].iloc[[0, 1, 2, 3, 4, 97, 98, 99, 100]].round(4).to_string(index=False))

# %% [markdown]
# It jumps from one side of the best slope to the other, at every step, and the jumps hardly shrink. The rate is almost the
# largest that is stable:

# %%
ahead = bl.preflight(data, "y ~ x", lr=0.01, start=start)
print(f"largest stable rate {ahead.lr_limit:.6f}")
print(f"mean of x² is {X.square().mean().item():.4f}, and 1 divided by it {1 / X.square().mean().item():.6f}")

# %% [markdown]
# The limit is 2/λ, and λ, the largest curvature, is about twice the mean of *x*². That mean is about 100, for the
# standard deviation of *x* is 10. So the limit is about 0.01, **whatever the data drawn**: a little above or a little below.
#
# **Predict first.** If everyone in a class draws data of their own, how many see training diverge?

# %%
generator = torch.Generator().manual_seed(0)
classes = torch.randn(2000, 100, generator=generator) * 10  # 2,000 pupils, 100 inputs each
m1, m2 = classes.mean(1), classes.square().mean(1)
H = 2 * torch.stack([torch.stack([m2, m1], -1), torch.stack([m1, torch.ones_like(m1)], -1)], -2)
limits = 2 / torch.linalg.eigvalsh(H)[:, -1]
print(f"the rate 0.01 is too large for {(limits < 0.01).float().mean().item():.0%} of them")

# %% [markdown]
# Half of them. When the numbers explode, the usual advice is: restart, and run again. That draws new data, so it helps every
# other time, and people believe in it. But the rate is still at its limit.
#
# Moving one line of code has the same effect. Here the model is made first and the data after it, so the same seed draws
# other data:

# %%
torch.manual_seed(1)
unlucky = nn.Linear(1, 1)
X2 = torch.randn(100, 1) * 10
Y2 = X2 + 3 * torch.randn(100, 1)
optimizer = torch.optim.SGD(unlucky.parameters(), lr=0.01)
for _ in range(100):
    loss = criterion(unlucky(X2), Y2)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
print(f"loss {loss.item():.3g}, limit {bl.preflight(X2, Y2).lr_limit:.6f}")

# %% [markdown]
# What helps for good:
#
# 1. **Seed the data too**, so that a run can be repeated.
# 2. **Compute the limit**, and stay well below it. The old advice "start with 1/10 or 1/100" knows nothing of your data.
# 3. **Standardise** *x*: mean 0, standard deviation 1. Then the limit is 1 for any data with one input.

# %%
tenth = bl.fit(data, "y ~ x", solver="sgd", lr=0.001, steps=100, start=start, standardize=False)
standardised = bl.fit(data, "y ~ x", solver="sgd", lr=0.4, steps=100, start=start)
print(f"loss after 100 steps: {trained.trace.loss[-1]:.4f} at 0.01, {tenth.trace.loss[-1]:.4f} at 0.001")
print(f"standardised, at 0.4: {standardised.trace.loss[-1]:.4f}, limit {standardised.rate_limit:.4f}")

# %% [markdown]
# ### The live page
#
# See the edge. Turn the learning rate to `0.0102`, just above the limit, then to `0.005`. At which rate does the path run
# along the valley, and at which does it jump across? A notebook shows it here, a terminal opens it, and the script writes
# `one-point.html`.

# %%
page = trained.watch()
page.save("one-point.html", overwrite=True)
page

# %% [markdown]
# ## 8. Batches
#
# `torch.optim.SGD` is short for **stochastic gradient descent**. What we did above is not stochastic. The optimiser only
# subtracts a gradient. *You* decide which rows the gradient comes from:
#
# | Name | Rows for each step | Steps in an epoch of 100 rows |
# |---|---|---|
# | **batch** gradient descent | all of them | 1 |
# | **mini-batch** | some, here 10 | 10 |
# | **stochastic** | one | 100 |
#
# With fewer rows a step costs less, but its direction is less certain.
#
# **Predict first.** 20 epochs each, at the rate 0.001. Which is nearest to the best loss, 9.9812?

# %%


def train(batch_size, epochs, lr):
    """The loss over all rows after each epoch; the rows are shuffled anew for each."""
    shuffle = torch.Generator().manual_seed(0)
    line = nn.Linear(1, 1)
    with torch.no_grad():
        line.weight.fill_(start[0])
        line.bias.fill_(start[1])
    optimizer = torch.optim.SGD(line.parameters(), lr=lr)
    losses = []
    for _ in range(epochs):
        for rows in torch.randperm(len(X), generator=shuffle).split(batch_size):
            optimizer.zero_grad()
            criterion(line(X[rows]), Y[rows]).backward()
            optimizer.step()
        losses.append(criterion(line(X), Y).item())
    return losses


by_size = {size: train(size, 20, 0.001) for size in (100, 10, 1)}
print("epoch     all rows     10 rows     1 row")
for epoch in (1, 2, 3, 10, 20):
    print(f"{epoch:5}  " + "".join(f"{by_size[size][epoch - 1]:12.3f}" for size in (100, 10, 1)))

# %% [markdown]
# One epoch of ten rows a step gets as far as about ten epochs of all rows at once: it makes ten steps, not one. With one row
# a step, the loss is soon near the best, and then jumps about for ever: each row pulls the line its own way. To come to rest,
# the rate must shrink with time.
# That is what a **schedule** is for.
#
# So "stochastic is faster" is half true. It gets *near* sooner, when there are many rows. It does not get *there* at a fixed rate.

# %%
small = bl.fit(data, "y ~ x", solver="sgd", lr=0.001, batch_size=10, steps=200, start=start, standardize=False, seed=0)
print(f"bestline, batches of 10, 20 epochs: {small.trace.loss[-1]:.3f}")
whole = bl.fit(data, "y ~ x", solver="sgd", lr=0.001, steps=20, start=start, standardize=False)
assert np.allclose(whole.trace.loss[1:], by_size[100], rtol=1e-4)  # all rows: the same steps
assert np.isclose(small.trace.loss[-1], by_size[10][-1], rtol=1e-3)  # ten rows: the same shuffle, from the seed 0

# %% [markdown]
# ## 9. How many epochs?
#
# **Under-fitting**: the model has not yet learnt what is there to learn. Too few epochs, or a model that is too simple.
#
# **Over-fitting**: the model has learnt the noise. The training loss falls, and the loss on rows that it never saw rises.
#
# Can a line over-fit a hundred points, if you train too long? Hardly. It has two weights. More epochs bring it to the exact
# solution, and there it stays. To over-fit, a model must be able to follow the noise. Take twelve points and a polynomial: its
# **degree** is the highest power of *x* in it.

# %%
generator = torch.Generator().manual_seed(3)
few = torch.rand(12, generator=generator, dtype=torch.float64) * 2 - 1
many = torch.rand(1000, generator=generator, dtype=torch.float64) * 2 - 1
few_y = few + 0.3 * torch.randn(12, generator=generator, dtype=torch.float64)
many_y = many + 0.3 * torch.randn(1000, generator=generator, dtype=torch.float64)

print("degree   loss on its 12 points   on 1,000 new points")
for degree in (0, 1, 3, 9):
    powers = few[:, None] ** torch.arange(degree + 1)
    solution = torch.linalg.lstsq(powers, few_y[:, None]).solution[:, 0]
    seen = (powers @ solution - few_y).square().mean().item()
    unseen = ((many[:, None] ** torch.arange(degree + 1)) @ solution - many_y).square().mean().item()
    print(f"{degree:6}   {seen:21.4f}   {unseen:19.4g}")

# %% [markdown]
# Degree 0, a constant, under-fits: bad on both. Degree 1, the truth, is about as good on new points as on its own. Degree 9
# is best on its own points, and by far the worst on new ones. So always look at rows that training never saw. Lesson 4 does.

# %% [markdown]
# ## 10. Exercises
#
# **10.1** In the spreadsheet, take the rate 0.1, then 0.12. What do you see?
#
# <details><summary>Solution</summary>
#
# ```python
# for rate in (0.1, 0.12):
#     weight = -1.5
#     for _ in range(10):
#         weight -= rate * 18 * (weight + 1)
#     print(rate, round(weight, 4))
# ```
#
# ```text
# 0.1 -1.0537
# 0.12 -3.2057
# ```
#
# At 0.1 each step multiplies the distance by -0.8: it jumps over -1 and back, and comes nearer. At 0.12 it multiplies by
# -1.16, and the weight moves away.
#
# </details>
#
# **10.2** How many steps at the rate 0.01 do the 100 points need until 0.1 % of the reducible loss is left? (The reducible loss
# is the part that lies above the loss of the exact solution.) Count in the loop of section 6, or ask `bl.preflight`.
#
# <details><summary>Solution</summary>
#
# ```python
# print(bl.preflight(data, "y ~ x", lr=0.01, start=start).advice)
# ```
#
# ```text
# lr=0.01 is within 1.1% of the limit, 0.01011: it crawls, and leaves 0.1% of the reducible loss after 159 steps, and on other draws of the same data it may diverge; better standardise the columns, as `fit` does by default: 1 step at lr=0.49, instead of 65 in the data's own units at lr=0.009604.
# ```
#
# </details>
#
# **10.3** Train with one row a step, 20 epochs, at a rate of 0.0001 instead of 0.001. Is the end calmer?
#
# <details><summary>Solution</summary>
#
# ```python
# calm = train(1, 20, 0.0001)
# for rate, line in ((0.001, by_size[1]), (0.0001, calm)):
#     print(rate, "first", round(line[0], 2), "last ten from", round(min(line[-10:]), 2), "to", round(max(line[-10:]), 2))
# ```
#
# ```text
# 0.001 first 10.31 last ten from 10.04 to 14.31
# 0.0001 first 10.76 last ten from 10.15 to 10.25
# ```
#
# Yes: it starts more slowly, and then stays close to the best loss. A schedule gives you both: large steps first, small ones later.
#
# </details>

# %% [markdown]
# ## 11. What to remember
#
# - Gradient descent: from each weight subtract the rate times the derivative.
# - The rate has a limit that the data set. Compute it, or standardise. Do not restart and hope.
# - A seed covers the data, too.
# - `optim.SGD` is stochastic only if you hand it a few rows at a time.
# - Too few epochs under-fit. Over-fitting needs a model that can follow the noise. A line on many points can hardly do that.
# - A loop like ours prints the loss *before* each step. Compute the final loss after the loop.
#
# Next: `bestline lesson numpy-to-pytorch`, the whole way from a table to a prediction.
#
# To cite: *bestline, a course on fitting lines. Lesson 3: From one point to a trained line.*
