process AGGREGATE {
    tag "${[scores].flatten().size()} scans"
    label 'cohort'

    input:
    path scores, stageAs: 'scores/*'
    path calibrations, stageAs: 'calibrations/*'
    path model, stageAs: 'model/*'
    path parameters
    path samplesheet
    path skipped
    path preparations
    path prepared, stageAs: 'prepared/*'
    val args
    val code

    output:
    path 'report/tables/*', emit: tables
    path 'report/figures/**', emit: figures, optional: true
    path 'report/{report.html,summary.txt}', emit: pages

    script:
    """
    export OMP_NUM_THREADS=${task.cpus}
    'aggregate.py' scores/* --out report --parameters ${parameters} --samplesheet ${samplesheet} \\
        ${calibrations ? '--calibrations calibrations' : ''} ${skipped ? "--skipped ${skipped}" : ''} ${model ? '--model model/*' : ''} \\
        ${preparations ? "--preparations ${preparations} --prepared prepared" : ''} ${args}
    """

    stub:
    """
    'aggregate.py' --help > /dev/null
    mkdir -p report/tables report/figures
    touch report/tables/scans.csv report/figures/ssim.png report/report.html report/summary.txt
    """
}
