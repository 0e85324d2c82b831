# %% [markdown]
# # 1. Predicting with a line, three ways
#
# **Objective.** You write a line as two tensors, as `nn.Linear` and as a module of your own. All three predict the same.
# At the end you train one, and see why that is worth the trouble.
#
# | | |
# |---|---|
# | Time | 20 minutes |
# | You need | Python. No machine learning. |
# | You get | what weight and bias are; predictions for one value and for many; a first trained line |
#
# Contents: 1 What a line says. 2 Two tensors. 3 `nn.Linear`. 4 A module of your own. 5 bestline. 6 Three small parts: data,
# model, main. 7 Three traps. 8 Exercises. 9 What to remember.

# %% [markdown]
# ## 1. What a line says
#
# Somebody gives you pairs: an input *x*, and the answer *y* that belongs to it. You look for a rule that gives the answer
# for an input that you have not seen yet. This is **supervised learning**: the known answers supervise what is learnt.
#
# The simplest useful rule is a straight line:
#
#     ŷ = w · x + b
#
# | Name | Meaning | In code |
# |---|---|---|
# | *x* | input, also called feature | `x` |
# | *y* | the right answer, also called target | `y` |
# | *ŷ* ("y hat") | what the line predicts | `line(x)` |
# | *w* | **weight**: the slope. When *x* grows by 1, *ŷ* grows by *w* | `w` |
# | *b* | **bias**: the intercept. It is *ŷ* where *x* is 0 | `b` |
#
# *w* and *b* are the **parameters**. To predict means to put *x* into the rule. To learn means to find good parameters.
#
# This lesson is about predicting. It uses three ways that PyTorch offers. They differ in how much PyTorch does for you.

# %% [markdown]
# ## 2. Two tensors
#
# A **tensor** is PyTorch's array of numbers. `requires_grad=True` tells PyTorch that we shall want to know how a result
# changes when this number changes. Lesson 2 uses that. For predicting it does nothing.
#
# **Predict first.** With *w* = 3 and *b* = 1, what does the line say for *x* = 2? And for 4 and 7?

# %%
import torch

w = torch.tensor(3.0, requires_grad=True)
b = torch.tensor(1.0, requires_grad=True)


def line(x):
    return w * x + b


one = line(torch.tensor(2.0))
many = line(torch.tensor([[4.0], [7.0]]))
print("for 2:", one.item())
print("for 4 and 7:", many.flatten().tolist(), "shape", tuple(many.shape))

# %% [markdown]
# 3 · 2 + 1 is 7. The second call took two inputs at once, one in each row, and gave one answer for each row: 13 and 22.
# **The output of this line has the shape of its input.** No loop was needed.

# %% [markdown]
# ## 3. `nn.Linear`
#
# `nn.Linear(1, 1)` is a line with one input and one output. It makes its own *w* and *b*, and draws them at random: here each
# number between -1 and 1 is as likely as any other. So its first predictions mean nothing. They are where training starts.
#
# Random numbers come from a **seed**. The same seed gives the same numbers, on every run. Set it directly before you
# make the layer: what you draw in between takes numbers from the same stream.

# %%
from torch import nn

torch.manual_seed(1)
layer = nn.Linear(in_features=1, out_features=1)
print(layer)
print(f"weight {layer.weight.item():.4f}, bias {layer.bias.item():.4f}")
print(f"for 2.0: {layer(torch.tensor([2.0])).item():.4f}")
print("for 2.0 and 3.3:", [round(value, 4) for value in layer(torch.tensor([[2.0], [3.3]])).flatten().tolist()])

# %% [markdown]
# **Predict first.** If you make a second layer now, without setting the seed again, will it have the same weight?

# %%
second = nn.Linear(1, 1)
torch.manual_seed(1)
third = nn.Linear(1, 1)
print(f"second {second.weight.item():.4f}, third {third.weight.item():.4f}")

# %% [markdown]
# The second layer took the next numbers of the stream. The third began the stream again, so it equals the first.

# %% [markdown]
# ## 4. A module of your own
#
# A class that inherits from `nn.Module` may hold any parts, and says in `forward` how they work together. Larger models are
# all written like this. Ours holds one layer.

# %%


class Line(nn.Module):
    def __init__(self, input_size, output_size):
        super().__init__()  # lets nn.Module prepare what it keeps track of
        self.linear = nn.Linear(input_size, output_size)

    def forward(self, x):
        return self.linear(x)

    def weights(self):
        """w and b as plain Python numbers, as they are at this moment."""
        return self.linear.weight.item(), self.linear.bias.item()


torch.manual_seed(1)
model = Line(1, 1)
print(model)
print("parameters:", [round(p.item(), 4) for p in model.parameters()])
print("for 1.0:", round(model(torch.tensor([1.0])).item(), 4))
print("for 1.0 and 2.0:", [round(value, 4) for value in model(torch.tensor([[1.0], [2.0]])).flatten().tolist()])

# %% [markdown]
# Same seed, same numbers: all three ways are the same line. Write `model(x)`, not `model.forward(x)`: the call also
# runs other functions that may be attached to a model (PyTorch calls them hooks).
#
# One class, many lines: each instance has its own weights.

# %%
lines = [Line(1, 1) for _ in range(3)]
print("three more:", [tuple(round(value, 2) for value in each.weights()) for each in lines])

# %% [markdown]
# ## 5. bestline
#
# `bl.line` is a line with weights that you choose. It takes a number, a list or a column, whole numbers too.

# %%
import bestline as bl

chosen = bl.line(w=3, b=1)
print(chosen.predict(2), chosen.predict([[4], [7]]).tolist())
assert chosen.predict(2) == one.item()
assert chosen.predict([[4], [7]]).tolist() == many.tolist()

# %% [markdown]
# ## 6. Three small parts: data, model, main
#
# A random line is a bad line. Let us train one. A small project has three parts, which grow at different speeds, so keep
# them apart: one makes the **data**, one says what the **model** is, and **main** brings them together.
#
# **Data.** 100 points around *y* = 2*x* + 1. They do not lie on that line: each *y* has a small random error, its **noise**. Data
# often come as NumPy arrays of 64-bit numbers, and layers hold 32-bit numbers. Turn one into the other once, in one place.

# %%
import numpy as np

made = bl.synthetic.lesson("torch-trends")
x_numpy, y_numpy = np.asarray(made.x), np.asarray(made.y)
print("in NumPy:", x_numpy.shape, x_numpy.dtype)

device = "cuda" if torch.cuda.is_available() else "cpu"  # a GPU helps only when model and data are both moved to it
X = torch.from_numpy(x_numpy).float().to(device)
Y = torch.from_numpy(y_numpy).float().to(device)
print("in PyTorch:", tuple(X.shape), X.dtype)

# %% [markdown]
# Look at data before you train. `"y ~ x"` is a **formula**: on its left the target, on its right the feature. Read it as "*y* by
# *x*". The bias is in it without your writing it.

# %%
picture = bl.plot_data(made, "y ~ x")
picture

# %% [markdown]
# **Model.** The class `Line` from above.
#
# **Main.** The loop below trains: predict, measure the error, work out how each weight should change, change it a little.
# Lessons 2 and 3 explain each line. For now, note the words:
#
# | Word | Meaning |
# |---|---|
# | **loss** | one number for how wrong the line is; here the mean of the squared errors (`nn.MSELoss`) |
# | **optimiser** | the rule that changes the weights; here Adam |
# | **learning rate** | how large a change is; here 0.05 |
# | **step** | one change of all weights |
#
# **Predict first.** The points lie around *y* = 2*x* + 1. Where will *w* and *b* end: exactly at 2 and 1?

# %%
torch.manual_seed(1)
model = Line(1, 1).to(device)
start = model.weights()
criterion = nn.MSELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.05)

for step in range(500):
    optimizer.zero_grad()  # else the gradients of all earlier steps are added to this one
    loss = criterion(model(X), Y)
    loss.backward()
    optimizer.step()
    if step % 100 == 0:
        print(f"step {step:3}: loss {loss.item():.4f}")

trained = model.weights()
print(f"w {trained[0]:.4f}, b {trained[1]:.4f}")
print(f"final loss {criterion(model(X), Y).item():.4f}")

# %% [markdown]
# Near 2 and 1, but not there: *w* is 1.9887, and *b* is 1.0510. The points have noise, and the best line for *these* 100
# points is not the line that they were made from. Is it the best line for them, though? bestline trains the same way in one
# call, and without a solver it computes the exact answer. `standardize=False` says: train on *x* as it is (lesson 2 shows
# what standardising does).

# %%
trained_by_bestline = bl.fit(made, "y ~ x", solver="adam", lr=0.05, steps=500, start=start, standardize=False)
exact = bl.fit(made, "y ~ x")
print("trained by hand:    ", [round(value, 4) for value in trained])
print("trained by bestline:", trained_by_bestline.params.round(4).tolist())
print("exact:              ", exact.params.round(4).tolist())
assert np.allclose(trained, trained_by_bestline.params, rtol=1e-4)
assert np.allclose(trained, exact.params, rtol=1e-4)

# %%
picture = trained_by_bestline.plot.before_after()
picture

# %% [markdown]
# **A trained model predicts.** That is what it is for. No gradients are needed now, so turn them off.

# %%
with torch.no_grad():
    by_hand = model(torch.tensor([[-1.0], [2.5]], device=device)).cpu().flatten()
print("by hand: ", [round(value, 3) for value in by_hand.tolist()])
print("bestline:", trained_by_bestline.predict([-1.0, 2.5]).round(3).tolist())
assert np.allclose(by_hand, trained_by_bestline.predict([-1.0, 2.5]), rtol=1e-4)

# %% [markdown]
# ### The live page
#
# The page shows every step. Press Play. Then turn the learning rate, or choose another start, and watch the path change.
# A notebook shows it here, a terminal opens it, and the script writes `predicting.html`.

# %%
page = trained_by_bestline.watch()
page.save("predicting.html", overwrite=True)
page

# %% [markdown]
# ## 7. Three traps
#
# Each of these costs beginners an hour. Run them once on purpose.

# %%
for title, action in {
    "a number without brackets": lambda: nn.Linear(1, 1)(torch.tensor(2.0)),
    "a whole number": lambda: nn.Linear(1, 1)(torch.tensor([2])),
}.items():
    try:
        action()
    except RuntimeError:
        print(f"{title}: RuntimeError")

import warnings

columns, rows = torch.zeros(100, 1), torch.arange(100.0)
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    wrong = nn.functional.mse_loss(columns, rows)
print("a column minus a row has shape", tuple((columns - rows).shape), "and", len(said), "warning")

# %% [markdown]
# 1. `nn.Linear` wants its inputs in brackets: `torch.tensor([2.0])`.
# 2. It wants numbers with a decimal point: `2.0`, not `2`.
# 3. A column (100, 1) minus a row (100) is a table (100, 100). The loss of that table is no loss of your line. PyTorch only
#    warns. Look at the shapes before you train.

# %% [markdown]
# ## 8. Exercises
#
# **8.1** A taxi costs 4 to get in and 2.5 for each kilometre. Write it with `bl.line`, and predict the price of 3, 10 and
# 12.5 km.
#
# <details><summary>Solution</summary>
#
# The price for each kilometre is the weight. What you pay before the first kilometre is the bias.
#
# ```python
# taxi = bl.line(w=2.5, b=4)
# print(taxi.predict([3, 10, 12.5]).tolist())
# ```
#
# ```text
# [11.5, 29.0, 35.25]
# ```
#
# </details>
#
# **8.2** Leave out `optimizer.zero_grad()`. Train 500 steps. What happens?
#
# <details><summary>Solution</summary>
#
# The gradients add up over the steps, so the weights are driven by what was wrong long ago. They swing, and do not settle. It has
# nothing to do with memory: clearing is needed because `backward` adds.
#
# ```python
# torch.manual_seed(1)
# careless = Line(1, 1).to(device)
# optimizer = torch.optim.Adam(careless.parameters(), lr=0.05)
# for step in range(500):
#     loss = criterion(careless(X), Y)
#     loss.backward()
#     optimizer.step()
# print(criterion(careless(X), Y).item() > criterion(model(X), Y).item())
# ```
#
# ```text
# True
# ```
#
# </details>
#
# **8.3** A line with two inputs: how many weights has `nn.Linear(2, 1)`, and what is the shape of its output for 5 rows?
#
# <details><summary>Solution</summary>
#
# One weight for each input, and one bias. One output for each row: the output has as many rows as the input.
#
# ```python
# plane = nn.Linear(2, 1)
# print(sum(p.numel() for p in plane.parameters()), tuple(plane(torch.zeros(5, 2)).shape))
# ```
#
# ```text
# 3 (5, 1)
# ```
#
# </details>

# %% [markdown]
# ## 9. What to remember
#
# - A line has two parameters: the weight (slope) and the bias (intercept).
# - Tensors, `nn.Linear` and a module of your own are the same line. They differ in who keeps the weights.
# - Many inputs go in at once, one in each row. Out comes one answer for each row.
# - A fresh layer is random. A seed makes it the same each time.
# - Trained weights come near the weights that made the data, and do not reach them: the data have noise.
#
# Next: `bestline lesson slope-and-bias`, what happens inside one step.
#
# To cite: *bestline, a course on fitting lines. Lesson 1: Predicting with a line, three ways.*
