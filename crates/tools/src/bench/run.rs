//! The order of a run: when the people begin and leave, and what is measured between.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, SystemTime};

use hdrhistogram::Histogram;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::cost::{CostSource, Meter};
use super::crowd::Crowd;
use super::echo::{self, Echo};
use super::machine::Machine;
use super::play::{self, Game};
use super::plot::Series;
use super::progress::Progress;
use super::report::{
    ArrivalFigures, Asked, BenchReport, EchoFigures, PeopleFigures, PlayFigures, ServerFigures,
    StormFigures,
};
use super::way::Way;
use super::{connect, hold, storm};
use crate::bench::flags::{Bench, Mode};

/// The results of a run.
pub(super) struct RunResult {
    /// The figures.
    pub(super) report: BenchReport,
    /// The curves of the plot.
    pub(super) series: Vec<Series>,
}

impl RunResult {
    /// The title of the plot: mode, number of people, protocol.
    pub(super) fn title(&self) -> String {
        let asked = &self.report.asked;
        format!(
            "wulin bench: {}, {} people, {}",
            asked.mode, asked.people, asked.protocol
        )
    }
}

/// A run in progress.
struct Run<'a> {
    flags: &'a Bench,
    crowd: Arc<Crowd>,
    meter: Meter,
    progress: Progress,
    people: JoinSet<()>,
    series: Vec<Series>,
}

/// The figures of a mode: those of the arrival, and at most one of the others.
struct ModeFigures {
    arrival: ArrivalFigures,
    play: Option<PlayFigures>,
    echo: Option<EchoFigures>,
    storm: Option<StormFigures>,
}

impl From<ArrivalFigures> for ModeFigures {
    fn from(arrival: ArrivalFigures) -> ModeFigures {
        ModeFigures {
            arrival,
            play: None,
            echo: None,
            storm: None,
        }
    }
}

/// Runs the mode, from the first person who connects to the last who leaves.
pub(super) async fn run(flags: &Bench, way: Way, source: CostSource) -> anyhow::Result<RunResult> {
    let started = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    let machine = Machine::here();
    let asked = asked(flags, &way);
    let crowd = Arc::new(Crowd::new(flags, way)?);
    let mut run = Run {
        flags,
        meter: Meter::start(source).await,
        progress: Progress::start(&crowd),
        crowd,
        people: JoinSet::new(),
        series: Vec::new(),
    };
    let figures = run.mode().await?;
    run.depart().await;
    let (before, stages, unknown) = run.meter.finish();
    let why = run.crowd.lost();
    let mut report = BenchReport {
        version: env!("CARGO_PKG_VERSION"),
        started,
        machine,
        asked,
        ok: false,
        people: PeopleFigures {
            came: run.crowd.attendance.borrow().came,
            lost: why.values().sum(),
            why,
        },
        arrival: figures.arrival,
        play: figures.play,
        echo: figures.echo,
        storm: figures.storm,
        refused: run.crowd.refused(),
        server: ServerFigures {
            unknown,
            resident_bytes_before: before,
            ..ServerFigures::default()
        },
        stages,
    };
    report.reckon();
    Ok(RunResult {
        report,
        series: run.series,
    })
}

impl Run<'_> {
    /// Does what the mode asks for, up to the signal to leave.
    async fn mode(&mut self) -> anyhow::Result<ModeFigures> {
        Ok(match self.flags.mode {
            Mode::Connect => self.gather(connect::live).await.into(),
            Mode::Hold => self.hold().await.into(),
            Mode::Play => {
                let (arrival, play) = self.play().await?;
                ModeFigures {
                    play: Some(play),
                    ..arrival.into()
                }
            }
            Mode::Echo => {
                let (arrival, echo) = self.echo().await?;
                ModeFigures {
                    echo: Some(echo),
                    ..arrival.into()
                }
            }
            Mode::Storm => {
                let (arrival, storm) = self.storm().await;
                ModeFigures {
                    storm: Some(storm),
                    ..arrival.into()
                }
            }
        })
    }

    /// Starts a task for each person, and waits until all have arrived or failed.
    async fn gather<F>(&mut self, live: impl Fn(Arc<Crowd>, u32) -> F) -> ArrivalFigures
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let started = Instant::now();
        for number in 0..self.flags.people {
            self.people.spawn(live(self.crowd.clone(), number));
        }
        self.crowd.all_came().await;
        let took = started.elapsed();
        self.meter.stage("arrival").await;
        let histogram = self.crowd.arrivals.histogram();
        let arrival = ArrivalFigures {
            seconds: took.as_secs_f64(),
            per_second: per_second(histogram.len() as f64, took),
            ms: (&histogram).into(),
        };
        self.plot("connecting to hi", histogram);
        arrival
    }

    async fn hold(&mut self) -> ArrivalFigures {
        let arrival = self.gather(hold::live).await;
        self.pass("holding", self.flags.time).await;
        self.meter.stage("hold").await;
        arrival
    }

    async fn storm(&mut self) -> (ArrivalFigures, StormFigures) {
        let storm = Arc::new(storm::Storm::new());
        let arrival = self
            .gather(|crowd, number| storm::live(crowd, storm.clone(), number))
            .await;
        self.progress.step("coming back", None);
        let cut = Instant::now();
        self.crowd.begin.cancel();
        self.crowd.all_came_back().await;
        let took = cut.elapsed();
        self.meter.stage("storm").await;
        let histogram = storm.back.histogram();
        let report = StormFigures {
            seconds: took.as_secs_f64(),
            per_second: per_second(histogram.len() as f64, took),
            failures: storm.failures.load(Relaxed),
            ms: (&histogram).into(),
        };
        self.plot("the cut to hi", histogram);
        (arrival, report)
    }

    async fn play(&mut self) -> anyhow::Result<(ArrivalFigures, PlayFigures)> {
        let game = Arc::new(Game::new(self.flags)?);
        let arrival = self
            .gather(|crowd, number| play::live(crowd, game.clone(), number))
            .await;
        let began = self.warm_up().await;
        self.pass("playing", self.flags.time).await;
        self.crowd.recording.store(false, Relaxed);
        let took = began.elapsed();
        let rounds = game.halves.load(Relaxed) as f64 / 2.0;
        self.meter.stage("play").await;
        self.progress.step("finishing rounds", None);
        self.crowd.end.cancel();
        self.empty().await;
        let (movements, results) = (game.movements.histogram(), game.results.histogram());
        let report = PlayFigures {
            seconds: took.as_secs_f64(),
            rounds,
            rounds_per_second: per_second(rounds, took),
            rounds_with_others: game.others.load(Relaxed),
            choices: game.choices.load(Relaxed),
            missing_movements: game.missing.load(Relaxed),
            movement_ms: (&movements).into(),
            movement_from_sending_ms: (&game.movements_from_sending.histogram()).into(),
            sending_ms: (&game.sendings.histogram()).into(),
            result_late_ms: (&results).into(),
        };
        self.plot("choice to movement", movements);
        self.plot("result after it was due", results);
        Ok((arrival, report))
    }

    async fn echo(&mut self) -> anyhow::Result<(ArrivalFigures, EchoFigures)> {
        let echo = Arc::new(Echo::new(self.flags)?);
        let arrival = self
            .gather(|crowd, number| echo::live(crowd, echo.clone(), number))
            .await;
        let began = self.warm_up().await;
        self.pass("exchanging frames", self.flags.time).await;
        self.crowd.recording.store(false, Relaxed);
        let seconds = began.elapsed().as_secs_f64();
        self.meter.stage("echo").await;
        let echoes = echo.echoes.histogram();
        let report = EchoFigures {
            seconds,
            echo_ms: (&echoes).into(),
            echo_from_sending_ms: (&echo.echoes_from_sending.histogram()).into(),
            sending_ms: (&echo.sendings.histogram()).into(),
        };
        self.plot("frame to its echo", echoes);
        Ok((arrival, report))
    }

    /// Gives the signal to begin and waits for the warm-up. Returns the moment from which times are recorded.
    async fn warm_up(&mut self) -> Instant {
        self.crowd.begin.cancel();
        self.pass("warming up", self.flags.warm_up).await;
        self.meter.stage("warm-up").await;
        self.crowd.recording.store(true, Relaxed);
        Instant::now()
    }

    async fn pass(&self, what: &'static str, time: Duration) {
        self.progress.step(what, Some(time));
        self.crowd.pass(time).await;
    }

    /// Gives the signal to leave, and waits until the server has closed the connections.
    async fn depart(&mut self) {
        self.progress.step("leaving", None);
        self.crowd.end.cancel();
        self.empty().await;
        self.meter.settle().await;
        self.meter.stage("departure").await;
    }

    async fn empty(&mut self) {
        while self.people.join_next().await.is_some() {}
    }

    fn plot(&mut self, name: &'static str, histogram: Histogram<u64>) {
        if !histogram.is_empty() {
            self.series.push(Series { name, histogram });
        }
    }
}

fn per_second(count: f64, time: Duration) -> f64 {
    count / time.as_secs_f64().max(1e-9)
}

fn asked(flags: &Bench, way: &Way) -> Asked {
    Asked {
        server: way.address.to_string(),
        target: way.target.clone(),
        protocol: flags.protocol.name(),
        mode: flags.mode.name(),
        people: flags.people,
        at_once: flags.at_once,
        resume: flags.resume,
        time_seconds: flags.time.as_secs_f64(),
        choice_every_seconds: flags.choice_every.as_secs_f64(),
        think_seconds: flags.think.as_secs_f64(),
        warm_up_seconds: flags.warm_up.as_secs_f64(),
    }
}
