# What emmeans draws for two questions of docs/how-to/plots.md: Rscript docs/_static/pairs/pairs.R
suppressMessages({library(emmeans); library(lme4); library(lattice)})
oats <- read.csv("docs/data/Oats.csv")
fit <- lmer(yield ~ nitro_f * Variety + (1 | Block), oats)
out <- "docs/_static/pairs/"
png(paste0(out, "emmip.png"), 480, 320, pointsize = 11)
print(emmip(fit, Variety ~ nitro_f, CIs = TRUE, engine = "lattice"))
dev.off()
png(paste0(out, "arrows.png"), 480, 320, pointsize = 11)
print(try(plot(emmeans(fit, ~ nitro_f), comparisons = TRUE, engine = "lattice")))
dev.off()
