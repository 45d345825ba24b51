process GATE {
    tag "${[prepared].flatten().size()} scans"

    input:
    path prepared, stageAs: 'prepared/*'
    path samplesheet, stageAs: 'checked/*'
    path rows, stageAs: 'checked/*'
    path skipped, stageAs: 'checked/*'
    val args
    val code

    output:
    path 'problems.txt', emit: problems
    path 'gated/samplesheet.csv', emit: samplesheet, optional: true
    path 'gated/rows.csv', emit: rows, optional: true
    path 'gated/skipped.csv', emit: skipped, optional: true
    path 'gated/warnings.txt', emit: warnings, optional: true
    path 'gated/preparation.csv', emit: table

    script:
    """
    'gate.py' prepared/* --samplesheet checked/samplesheet.csv --rows checked/rows.csv \\
        ${skipped ? '--skipped checked/skipped.csv' : ''} --problems problems.txt --out gated ${args}
    """

    stub:
    """
    'gate.py' --help > /dev/null
    mkdir gated
    touch problems.txt gated/{warnings.txt,preparation.csv}
    cp checked/{samplesheet,rows}.csv gated/
    """
}
