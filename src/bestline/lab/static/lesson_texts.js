/** The lessons: what to set, what to try, what to notice, and a question with its answer. Every number is one that the lab shows. */

const TWO = { data: "lesson:slope-and-bias", target: "y", features: ["x"], optimizer: "sgd", lr: 0.1, steps: 15, start: { x: -15, Intercept: -10 }, standardize: false };
const ONE = { data: "lesson:one-weight", formula: "y ~ x - 1", optimizer: "sgd", lr: 0.01, steps: 40, start: { x: -1.5 }, standardize: false };
const COURSE = { data: "lesson:crash-course", target: "y", features: ["x"], optimizer: "sgd", lr: 0.01, steps: 100, start: { x: 0.5152631998062134, Intercept: -0.44137823581695557 }, standardize: false };
const SCRATCH = { data: "lesson:made-with-ml", target: "y", features: ["x"], optimizer: "sgd", lr: 0.1, steps: 100, standardize: true };

/** @typedef {{title: string, run: object, try: string, notice: string, question: string, answer: string, hint?: string}} Stop */
/** @type {{name: string, title: string, about: string, stops: Stop[]}[]} */
export const LESSONS = [
  {
    name: "slope-and-bias",
    title: "Slope and bias",
    about: "Two weights, one bowl. You see how a line finds its slope and its intercept, and how the learning rate decides everything.",
    stops: [
      {
        title: "Watch fifteen steps",
        run: TWO,
        try: "Press play. The line begins far off, at slope −15 and intercept −10.",
        notice: "The slope is nearly right after five steps. The intercept is still on its way after fifteen: the bowl is three times steeper along the slope.",
        question: "After 15 steps the loss is 0.117. Is training finished?",
        answer: "No. The least possible loss is 0.0077, and the intercept is −1.354 where the best one is −1.022. A small loss is only small beside the loss that could be reached; that is why the exact solution is drawn.",
      },
      {
        title: "Double the rate",
        run: { ...TWO, lr: 0.2 },
        try: "The same start at rate 0.2. Compare the way from above with the one before.",
        notice: "The slope overshoots: it jumps from −15 to 4, then comes back. Yet after fifteen steps the loss is 0.0077, as good as exact.",
        question: "Would a rate of 0.3 be better still?",
        answer: "No. Near 0.25 the run is fastest. Above it each step overshoots the slope by more than it gains in the intercept, and from 0.333 on it never settles.",
      },
      {
        title: "Find the largest rate",
        run: { ...TWO, lr: 0.34, steps: 30 },
        try: "This is 0.34. Turn the rate down until the run converges again.",
        notice: "The limit is 0.333. It has nothing to do with the start: it is 2 divided by the largest curvature of the bowl, which is 6.006.",
        question: "If every x were ten times larger, what would the limit be?",
        answer: "About a hundred times smaller. The curvature along the slope is twice the mean of x², so it grows with the square of the unit. The best line is the same; only the road to it got harder.",
      },
      {
        title: "Make the bowl round",
        run: { ...TWO, standardize: true, lr: 0.3, steps: 15 },
        try: "Now the column is standardised: its mean is 0 and its spread is 1. Look at the contours as trained.",
        notice: "They are circles. The gradient points straight at the bottom, so the path is straight too, whatever the start.",
        question: "Did standardising change the best line?",
        answer: "No. Weights come back in the data's units, and the exact solution is the same. What changed is the shape of the bowl, and with it the largest rate: now 1.",
      },
    ],
  },
  {
    name: "crash-course",
    title: "Crash course",
    about: "From one weight that can be followed by hand to a line whose learning rate sits at the edge.",
    stops: [
      {
        title: "One weight, by hand",
        run: ONE,
        try: "There is one point, x = −3 and y = 3, and the model y = w x. Do the first step on paper, then open the update in numbers above the pictures, and the table of all steps.",
        notice: "The error is (3 + 3w)² and its slope is 18 (w + 1). At w = −1.5 the gradient is −9, so the new w is −1.5 − 0.01 × (−9) = −1.41.",
        question: "Why does w come closer to −1 by the same share in every step?",
        answer: "Because the gradient is proportional to the distance: each step removes 0.01 × 18 = 18% of it. So the distance is 0.5 × 0.82 to the power of k, and the loss shrinks by 0.82² = 0.6724 a step.",
      },
      {
        title: "Too far in one step",
        run: { ...ONE, lr: 0.1 },
        try: "The same point at rate 0.1; then try 0.12.",
        notice: "At 0.1 the weight jumps from one side to the other and still comes closer. At 0.12 it jumps further away each time.",
        question: "At which rate would a single step arrive?",
        answer: "At 1/18, about 0.0556: then the step removes all of the distance. Twice that, 1/9, is the limit.",
      },
      {
        title: "A rate at its edge",
        run: COURSE,
        try: "A hundred points around y = x, rate 0.01, a hundred steps.",
        notice: "The largest stable rate of these points is 0.0101. The rate 0.01 is just inside, so the slope swings around its best value for a long time.",
        question: "Somebody draws a hundred other points the same way and uses 0.01 again. What will happen?",
        answer: "Nearly every second time the run diverges: the limit is about 1 divided by the mean of x², and that mean differs from draw to draw. The cure is not a new draw but a smaller rate, or standardised columns.",
      },
      {
        title: "Half the rate",
        run: { ...COURSE, lr: 0.005 },
        try: "The same start at 0.005.",
        notice: "One step takes the slope nearly to its place. The intercept crawls: along it the bowl is a hundred times flatter.",
        question: "The intercept is slow. Would a larger rate help?",
        answer: "It would, but the slope forbids it: one rate must serve both directions. Standardise, and both are equally steep.",
      },
    ],
  },
  {
    name: "made-with-ml",
    title: "From NumPy to PyTorch",
    about: "The same line four times: gradients written by hand, tensors, a layer, a module; and why rows are held out.",
    stops: [
      {
        title: "From scratch",
        run: SCRATCH,
        try: "Fifty points around y = 3.5 x + 5. Train, then take the script in NumPy home: it prints the same weights.",
        notice: "Columns and target are standardised, so the rate 0.1 is calm. The line found is y = 3.411 x + 7.856.",
        question: "The points were made with intercept 5. Why is 7.9 found, and is that a fault?",
        answer: "No. The noise is wide, from −10 to 20, and fifty points cannot say the intercept more exactly. The analyst's view shows an interval around 7.9, and 5 lies inside it.",
      },
      {
        title: "Without standardising",
        run: { ...SCRATCH, standardize: false },
        try: "The same rate on the columns as they are.",
        notice: "It explodes in two steps. The limit is 0.0012 here: x goes up to 49, and curvature grows with its square.",
        question: "Would 0.001 be good then?",
        answer: "It is stable, but slow: the slope is found at once and the intercept needs hundreds of steps. Standardising is worth more than any choice of rate.",
      },
      {
        title: "Rows that are held out",
        run: { ...SCRATCH, optimizer: "adam", split: [0.7, 0.15, 0.15], patience: null },
        try: "70% of the rows train; the others only judge. Look at both curves of the loss. The optimiser is Adam.",
        notice: "Both curves fall together. A line with two weights cannot learn noise by heart, so the held-out loss does not turn up again.",
        question: "Choose a polynomial of degree 8 as the shape. What changes?",
        answer: "The training loss can fall lower, the held-out loss hardly or not at all: with more weights the curve begins to follow the noise. That gap is what rows are held out for.",
      },
      {
        title: "One row at a time",
        run: { ...SCRATCH, lr: 0.02, steps: 200, batch_size: 1 },
        try: "Now each step sees a single row. Use pause and step while it trains.",
        notice: "The loss goes up and down: a step that suits one row hurts another. It ends near the best line and does not rest.",
        question: "How would you make it rest?",
        answer: "With a smaller rate towards the end, or with more rows in each step: the mean of many gradients is calmer. All rows at once is plain gradient descent again.",
      },
    ],
  },
];
