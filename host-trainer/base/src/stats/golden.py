"""Figures of scipy 1.17 for stats/tests.rs: `pip install scipy; python3 golden.py > golden.json`."""
import json, random
from scipy import stats
from scipy.stats import binomtest

random.seed(7)
cases = []
for n, ties in [(3, False), (12, False), (40, True), (300, True)]:
    x = [random.gauss(0.5, 0.1) for _ in range(n)]
    y = [0.7 * a + random.gauss(0, 0.05) for a in x]
    if ties:
        x, y = [round(a, 2) for a in x], [round(a, 1) for a in y]
    cases.append({"x": x, "y": y,
                  "pearson": stats.pearsonr(x, y).statistic,
                  "spearman": stats.spearmanr(x, y).statistic,
                  "kendall_tau_b": stats.kendalltau(x, y).statistic})
wilson = []
for k, n in [(0, 20), (5, 20), (870, 1000), (1000, 1000)]:
    ci = binomtest(k, n).proportion_ci(0.95, method="wilson")
    wilson.append({"k": k, "n": n, "low": ci.low, "high": ci.high})
print(json.dumps({"scipy": __import__("scipy").__version__, "cases": cases, "wilson": wilson}))
