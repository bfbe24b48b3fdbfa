"""scripts/evaluate: conversions, judged by models that Myna did not make.

__main__    the steps from arguments to OUT
audio       makes the recordings: conversions, copies, plots
judges      what other people's models and tools measure of one recording
figures     what is calculated from that: error rates, intervals, groups, diagnoses; standard library only
report      the tables and the page"""
