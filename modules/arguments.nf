// What each tool is given of the parameters. Values are safe within single quotes: no tool but check.py runs before the
// schema's patterns have passed them

// [train: "--channels '64,64,64' …", aggregate: …]
def argumentsOf(options) {
    def classes = "--classes '${options.classes}'"
    def healthy = options.healthy ? "--healthy ${options.healthy}" : ''
    def place = "--device ${options.device} --precision ${options.precision}"
    // A folder knows its own
    def pair = options.embedding ? "--head-channels ${options.head_channels} ${classes}" : ''
    def sampler = "--ddim-steps ${options.ddim_steps} --inversion-iterations ${options.inversion_iterations}"
    def score = "--score ${options.calibrated_score}"
    return [
        simulate: "--subjects ${options.simulate} ${classes} --size ${options.size} --seed ${options.seed}",
        gate: options.skip_bad_scans ? '--skip-bad-scans' : '',
        slice: classes,
        train: "${classes} ${ofTraining(options)}",
        tune: joined([
            pair,
            healthy,
            "--guidance-scales '${options.guidance_scales}' --noise-depths '${options.noise_depths}'",
            sampler,
            place,
        ]),
        choose: joined([classes, healthy]),
        reconstruct: joined([
            pair,
            healthy,
            options.disease ? "--disease ${options.disease}" : '',
            // Tuning chooses them
            options.tune ? '' : "--guidance-scale ${options.guidance_scale} --noise-depth ${options.noise_depth}",
            sampler,
            "--seed ${options.seed}",
            options.translation_batch ? "--batch ${options.translation_batch}" : '',
            place,
        ]),
        map: "--scores '${options.scores}'",
        score: joined([
            options.metrics ? "--metrics '${options.metrics}'" : '',
            "--lowest ${options.lowest_slices} --device ${options.device}",
        ]),
        norm: score,
        calibrate: score,
        aggregate: joined([
            classes,
            healthy,
            "--ssim-threshold ${options.ssim_threshold} --lowest ${options.lowest_slices} --outlier-z ${options.outlier_z}",
        ]),
        export_bids: options.pseudonymise ? '--discreet' : '',
    ]
}

// Whether any step of a preparation is wanted
def prepares(options) {
    return ['strip', 'bias', 'register'].any { step -> (options[step] ?: options.prepare) != 'never' }
}

def ofTraining(options) {
    return joined([
        "--channels '${options.channels}' --attention-levels '${options.attention_levels}'",
        "--res-blocks ${options.res_blocks} --head-channels ${options.head_channels}",
        "--conditioning-dim ${options.conditioning_dim}",
        options.time_conditioning ? '--time-conditioning' : '--no-time-conditioning',
        "--iterations ${options.iterations}",
        "--batch-size ${options.batch_size} --learning-rate ${options.learning_rate} --warmup ${options.warmup}",
        "--weight-decay ${options.weight_decay} --ema-decay ${options.ema_decay}",
        "--condition-dropout ${options.condition_dropout} --max-timestep ${options.max_timestep}",
        "--validate-every ${options.validate_every}",
        options.tensorboard ? '--tensorboard' : '',
        options.max_train_hours ? "--max-train-hours ${options.max_train_hours}" : '',
        "--seed ${options.seed} --device ${options.device}",
    ])
}

def joined(parts) {
    return parts.findAll().join(' ')
}
