# What emmeans draws for the questions of docs/how-to/plots-side-by-side.md, by its ggplot2 engine:
# Rscript docs/_static/pairs/pairs.R, with R 4.2.2, emmeans 1.8.4-1, lme4 1.1-31, ggplot2 3.4.1,
# MASS 7.3-58.2. pairs_me.py, run after it, makes the files smaller.
suppressMessages({library(emmeans); library(lme4); library(ggplot2)})
read <- function(name) read.csv(paste0("docs/data/", name, ".csv"), stringsAsFactors = TRUE)
save <- function(name, picture, width = 6.4, height = 4.2, dpi = 100)
  ggsave(paste0("docs/_static/pairs/", name, ".png"), picture, width = width, height = height, dpi = dpi)

oats <- read("Oats")
names(oats) <- c("Block", "Variety", "nitro", "grain", "nitrogen")
field <- lmer(grain ~ nitrogen * Variety + (1 | Block), oats)
save("emmip", emmip(field, Variety ~ nitrogen, CIs = TRUE))
save("arrows", plot(emmeans(field, ~ nitrogen), comparisons = TRUE), height = 2.5)
save("pwpp", pwpp(emmeans(field, ~ nitrogen)), height = 3.2)
save("families", plot(pairs(emmeans(field, ~ nitrogen | Variety))), width = 7.8, height = 4.8)
save("many", plot(pairs(emmeans(field, ~ nitrogen * Variety))), width = 10.5, height = 6.8, dpi = 80)

sleep <- read("sleepstudy")
nights <- lmer(Reaction ~ Days + (Days | Subject), sleep)
save("prediction", emmip(nights, ~ Days, at = list(Days = 0:9), CIs = TRUE, PIs = TRUE))

housing <- read("housing")
for (name in c("sat", "infl")) housing[[name]] <- factor(housing[[name]], c("Low", "Medium", "High"))
content <- MASS::polr(sat ~ infl + type + cont, housing, weights = freq, Hess = TRUE)
save("ordered", emmip(content, sat ~ infl, mode = "prob", CIs = TRUE))

cars <- read("Insurance")
cars$age <- factor(cars$age, c("under 25", "25-29", "30-35", "over 35"))
cars$engine <- factor(cars$engine, c("under 1", "1-1.5", "1.5-2", "over 2"))
claims <- glm(claims ~ district + engine + age + offset(log(holders)), poisson, cars)
save("counts", emmip(claims, age ~ engine, type = "response", offset = 0, CIs = TRUE))
save("ratios", plot(pairs(emmeans(claims, ~ age), type = "response", adjust = "none")), height = 3.1)
