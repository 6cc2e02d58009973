module sonde/bench/baseline

go 1.19
