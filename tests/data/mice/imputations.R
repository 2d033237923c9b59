# Pooled regressions of mice's nhanes data: imputations.csv and figures.json.
# R 4.2, mice 3.15, mitml 0.4. Run in this folder: Rscript imputations.R
suppressMessages({library(mice); library(mitml); library(jsonlite)})
imp <- mice(nhanes, m = 6, seed = 20, printFlag = FALSE)
long <- complete(imp, "long")
write.csv(long[, c(".imp", "age", "bmi", "hyp", "chl")], "imputations.csv", row.names = FALSE)
shown <- function(p, dfcom) {
  pooled <- pool(p, dfcom = dfcom)$pooled
  list(term = as.character(pooled$term), estimate = pooled$estimate, t = pooled$t,
       df = pooled$df, fmi = pooled$fmi)
}
joint <- function(fits, null, dfcom) {
  found <- testModels(fits, null, method = "D1", df.com = dfcom)$test
  list(F = found[1, "F.value"], df1 = found[1, "df1"], df2 = found[1, "df2"], p = found[1, "P(>F)"])
}
each <- split(long, long$.imp)
ols <- lapply(each, function(d) lm(chl ~ age + bmi + hyp, d))
ols0 <- lapply(each, function(d) lm(chl ~ hyp, d))
logit <- lapply(each, function(d) glm(I(hyp == 2) ~ age + bmi, binomial, d, epsilon = 1e-14, maxit = 100))
logit0 <- lapply(each, function(d) glm(I(hyp == 2) ~ 1, binomial, d, epsilon = 1e-14, maxit = 100))
# an average prediction in every imputation: its estimate and variance, pooled as a scalar
average <- t(sapply(ols, function(f) {
  x <- model.matrix(f); x[, "age"] <- 2; row <- colMeans(x)
  c(sum(row * coef(f)), drop(row %*% vcov(f) %*% row))
}))
scalar <- pool.scalar(average[, 1], average[, 2], n = 25, k = 4)
writeLines(toJSON(list(
  ols = shown(as.mira(ols), 21), logit = shown(as.mira(logit), Inf),
  ols_joint = joint(ols, ols0, 21), ols_joint_large = joint(ols, ols0, NULL),
  logit_joint = joint(logit, logit0, NULL),
  average = list(estimate = scalar$qbar, t = scalar$t, df = scalar$df)
), digits = NA, auto_unbox = TRUE, pretty = TRUE), "figures.json")
