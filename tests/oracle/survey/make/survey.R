# Figures of R's survey package for tests/oracle/survey: Rscript survey.R FOLDER
suppressMessages({library(survey); library(jsonlite)})
folder <- commandArgs(TRUE)[1]
data(api)
keep <- c("dnum", "stype", "pw", "fpc", "api00", "ell", "meals", "mobility", "sch.wide", "enroll", "awards")
tidy <- function(d) { d <- d[, intersect(keep, names(d))]; d$wide <- as.integer(d$sch.wide == "Yes"); d$sch.wide <- NULL; d$awards <- NULL; d[complete.cases(d), ] }
strat <- tidy(apistrat); clus <- tidy(apiclus1)
# two school districts a stratum, as numbers tell; one stratum keeps a single district
districts <- sort(unique(clus$dnum))
clus$half <- match(clus$dnum, districts) %% 4
lonely <- clus[!(clus$half == 3 & clus$dnum != districts[3]), ]
write.csv(strat, file.path(folder, "apistrat.csv"), row.names = FALSE)
write.csv(clus, file.path(folder, "apiclus1.csv"), row.names = FALSE)
write.csv(lonely, file.path(folder, "lonely.csv"), row.names = FALSE)
models <- list(
  gaussian = list(api00 ~ ell + meals + mobility, gaussian()),
  binomial = list(wide ~ ell + meals, quasibinomial()),
  poisson = list(enroll ~ ell + meals, quasipoisson()))
average <- function(fit, w) {
  x <- model.matrix(fit); rise <- fit$family$mu.eta(fit$linear.predictors)
  l <- colSums(w * rise * x) / sum(w)
  list(estimate = sum(w * fitted(fit)) / sum(w), se = sqrt(c(l %*% vcov(fit) %*% l)))
}
case <- function(file, design, options, lonely = "fail") {
  options(survey.lonely.psu = lonely)
  lapply(models, function(m) {
    fit <- svyglm(m[[1]], design, family = m[[2]], control = list(epsilon = 1e-13, maxit = 100))
    c(list(coef = unname(coef(fit)), vcov = unname(as.matrix(vcov(fit)))), average(fit, weights(design)))
  }) -> found
  list(file = file, options = options, lonely = lonely, df = degf(design), models = found)
}
cases <- list(
  weights = case("apistrat", svydesign(id = ~1, weights = ~pw, data = strat), list(weights = "pw")),
  strata = case("apistrat", svydesign(id = ~1, strata = ~stype, weights = ~pw, data = strat),
                list(weights = "pw", strata = "stype")),
  strata_fpc = case("apistrat", svydesign(id = ~1, strata = ~stype, weights = ~pw, fpc = ~fpc, data = strat),
                    list(weights = "pw", strata = "stype", fpc = "fpc")),
  psu = case("apiclus1", svydesign(id = ~dnum, weights = ~pw, data = clus), list(weights = "pw", psu = "dnum")),
  psu_fpc = case("apiclus1", svydesign(id = ~dnum, weights = ~pw, fpc = ~fpc, data = clus),
                 list(weights = "pw", psu = "dnum", fpc = "fpc")),
  strata_psu = case("apiclus1", svydesign(id = ~dnum, strata = ~half, weights = ~pw, data = clus),
                    list(weights = "pw", strata = "half", psu = "dnum")))
for (how in c("adjust", "average")) {
  options(survey.lonely.psu = how)
  cases[[paste0("lonely_", how)]] <- case("lonely", svydesign(id = ~dnum, strata = ~half, weights = ~pw, data = lonely),
    list(weights = "pw", strata = "half", psu = "dnum"), how)
}
write(toJSON(list(made_by = paste(R.version.string, "survey", packageVersion("survey")), cases = cases),
             digits = NA, auto_unbox = TRUE, pretty = TRUE), file.path(folder, "survey.json"))
