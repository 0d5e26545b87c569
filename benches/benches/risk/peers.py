"""Folds, peers and measures for the bench `risk`.

    peers.py folds FILE LABEL SEEDS OUT    a row each: the fold of each seed
    peers.py judge FILE ID LABEL FOLDS OURS    peers on the same folds, all measured
"""

import sys
import time

import lightgbm
import numpy
import pandas
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.model_selection import StratifiedKFold


def read(file, *dropped):
    """Features as LightGBM and scikit-learn take them: words as categories,
    dates as days."""
    rows = pandas.read_csv(file)
    features = rows.drop(columns=[name for name in dropped if name in rows])
    for name in features:
        column = features[name]
        if pandas.api.types.is_numeric_dtype(column):
            continue
        dates = pandas.to_datetime(column, errors="coerce", format="%Y-%m-%d")
        if dates.notna().sum() >= 0.9 * column.notna().sum():
            features[name] = (dates - pandas.Timestamp(1970, 1, 1)).dt.days
        else:
            features[name] = column.astype("category")
    return rows, features


def folds(file, label, seeds, out):
    labels = pandas.read_csv(file, usecols=[label])[label].to_numpy()
    dealt = {}
    for seed in seeds.split(","):
        fold = numpy.zeros(len(labels), int)
        parts = StratifiedKFold(5, shuffle=True, random_state=int(seed))
        for number, (_, held) in enumerate(parts.split(labels, labels)):
            fold[held] = number
        dealt[seed] = fold
    pandas.DataFrame(dealt).to_csv(out, index=False)


def measures(probabilities, labels, fold):
    """Means over the folds; precision at 100 and calibration of all together."""
    each = []
    for number in range(fold.max() + 1):
        p, y = probabilities[fold == number], labels[fold == number]
        tenth = numpy.argsort(-p, kind="stable")[: len(p) // 10]
        each.append((roc_auc_score(y, p), average_precision_score(y, p), y[tenth].mean() / y.mean()))
    bins = numpy.minimum((probabilities * 10).astype(int), 9)
    gaps = [
        abs(probabilities[bins == b].mean() - labels[bins == b].mean()) * (bins == b).mean()
        for b in range(10)
        if (bins == b).any()
    ]
    first = numpy.argsort(-probabilities, kind="stable")[:100]
    return [*numpy.mean(each, 0), labels[first].mean(), sum(gaps)]


def judge(file, id_column, label, fold_file, ours):
    rows, features = read(file, id_column, label)
    labels = rows[label].to_numpy(float)
    # The booster takes no name with brackets or commas.
    plain = features.set_axis([f"c{place}" for place in range(features.shape[1])], axis=1)
    peers = {
        "LightGBM": lambda: lightgbm.LGBMClassifier(n_jobs=2, verbose=-1),
        "LightGBM, small trees": lambda: lightgbm.LGBMClassifier(
            n_jobs=2, verbose=-1, learning_rate=0.05, num_leaves=15, min_child_samples=50,
            reg_lambda=5, n_estimators=150,
        ),
        "scikit-learn": lambda: HistGradientBoostingClassifier(
            categorical_features="from_dtype", random_state=0
        ),
    }
    dealt, found, took = pandas.read_csv(fold_file), {}, {}
    predicted = pandas.read_csv(ours)
    for seed in dealt:
        fold = dealt[seed].to_numpy()
        for name in ("trees", "scorecard", "chosen"):
            column = predicted[f"{name} {seed}"].to_numpy()
            found.setdefault(f"Loadstar, {name}", []).append(measures(column, labels, fold))
        for name, peer in peers.items():
            held, since = numpy.zeros(len(labels)), time.time()
            for number in range(fold.max() + 1):
                learnt = fold != number
                model = peer().fit(plain[learnt], labels[learnt])
                held[~learnt] = model.predict_proba(plain[~learnt])[:, 1]
            took[name] = took.get(name, 0) + time.time() - since
            found.setdefault(name, []).append(measures(held, labels, fold))
    print(f"{'':24} {'AUC':>7} {'AP':>7} {'lift':>6} {'at 100':>7} {'ECE':>7}")
    for name, each in found.items():
        auc, precision, lift, first, gap = numpy.mean(each, 0)
        print(f"{name:24} {auc:7.4f} {precision:7.4f} {lift:6.2f} {first:7.3f} {gap:7.4f}")
    for name, seconds in took.items():
        print(f"{name}: {seconds / len(dealt.columns):.1f} s for five folds")


{"folds": folds, "judge": judge}[sys.argv[1]](*sys.argv[2:])
