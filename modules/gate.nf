process GATE {
    tag "${[prepared].flatten().size()} scans"

    input:
    path prepared, stageAs: 'prepared/*'
    path samplesheet, stageAs: 'checked/*'
    path rows, stageAs: 'checked/*'
    path skipped, stageAs: 'checked/*'
    path model, stageAs: 'model/*'
    val args
    val code

    output:
    path 'problems.txt', emit: problems
    path 'gated/samplesheet.csv', emit: samplesheet, optional: true
    path 'gated/rows.csv', emit: rows, optional: true
    path 'published/tables/skipped.csv', emit: skipped, optional: true
    path 'gated/warnings.txt', emit: warnings, optional: true
    path 'published/tables/preparation.csv', emit: table

    script:
    """
    'gate.py' prepared/* --samplesheet checked/samplesheet.csv --rows checked/rows.csv \\
        ${skipped ? '--skipped checked/skipped.csv' : ''} --problems problems.txt ${model ? '--model model/*' : ''} --out gated ${args}
    mkdir -p published/tables
    mv gated/preparation.csv published/tables
    if [ -e gated/skipped.csv ]; then mv gated/skipped.csv published/tables; fi
    """

    stub:
    """
    'gate.py' --help > /dev/null
    mkdir -p gated published/tables
    touch problems.txt gated/warnings.txt published/tables/preparation.csv
    cp checked/{samplesheet,rows}.csv gated/
    """
}
